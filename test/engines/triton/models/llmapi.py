# Owns a double of the llmapi model of TensorRT-LLM: other names of inputs, and all text so far in each reply. Knows no script.
import triton_python_backend_utils as pb
from playback import FINAL, TextModel, declare, play, text_tensor, value, values

T, B, I, F = "TYPE_STRING", "TYPE_BOOL", "TYPE_INT32", "TYPE_FP32"


class TritonPythonModel(TextModel):
    @staticmethod
    def auto_complete_config(config):
        inputs = [("text_input", T, -1, True), ("streaming", B, 1, False), ("return_finish_reason", B, 1, False)]
        inputs += [("sampling_param_max_tokens", I, 1, False), ("sampling_param_stop", T, -1, False)]
        inputs += [("sampling_param_temperature", F, 1, False), ("sampling_param_top_p", F, 1, False)]
        inputs += [("sampling_param_exclude_input_from_output", B, 1, False)]
        return declare(config, 0, inputs, [("text_output", T), ("finish_reason", T)])

    async def answer(self, request, sender):
        try:
            limit, stops = value(request, "sampling_param_max_tokens", 32), values(request, "sampling_param_stop")
            async for text, _, why in play(value(request, "text_input"), limit, stops, False):
                if request.is_cancelled():
                    error = pb.TritonError("Request cancelled by client", pb.TritonError.CANCELLED)
                    sender.send(pb.InferenceResponse(error=error), FINAL)
                    return "cancelled"
                outputs = [text_tensor("finish_reason", str(why)), text_tensor("text_output", text)]
                sender.send(pb.InferenceResponse(outputs), FINAL if why else 0)
        except Exception as error:
            words = str(error)
            if words == "too long":
                words = "The sum of prompt length (30000) and query length (0) should not exceed max_num_tokens (20000)"
            sender.send(pb.InferenceResponse(error=pb.TritonError(f"Error generating request: {words}")), FINAL)
