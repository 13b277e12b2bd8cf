# Owns a double of the classic text model of TensorRT-LLM: a batch in front, no reason, the final mark alone. Knows no script.
import numpy
import triton_python_backend_utils as pb
from playback import FINAL, TextModel, declare, play, refusal, text_tensor, value, values

T, B, I, F = "TYPE_STRING", "TYPE_BOOL", "TYPE_INT32", "TYPE_FP32"


class TritonPythonModel(TextModel):
    @staticmethod
    def auto_complete_config(config):
        inputs = [("text_input", T, 1, True), ("max_tokens", I, 1, True), ("stream", B, 1, False)]
        inputs += [("stop_words", T, -1, False), ("end_id", I, 1, False), ("pad_id", I, 1, False)]
        inputs += [("temperature", F, 1, False), ("top_p", F, 1, False), ("top_k", I, 1, False)]
        inputs += [("seed", "TYPE_UINT64", 1, False), ("exclude_input_in_output", B, 1, False)]
        inputs += [(f"return_num_{which}_tokens", B, 1, False) for which in ("input", "output")]
        outputs = [("text_output", T), ("num_input_tokens", I), ("num_output_tokens", I)]
        return declare(config, 8, inputs, outputs)

    async def answer(self, request, sender):
        prompt, said = value(request, "text_input"), 0
        outcome = "ended"
        repeats = self.config["parameters"].get("accumulate_tokens", {}).get("string_value") == "true"
        try:
            async for text, count, _ in play(prompt, value(request, "max_tokens"), values(request, "stop_words"), True):
                if request.is_cancelled():
                    outcome = "cancelled"
                    break
                outputs = [
                    pb.Tensor("num_input_tokens", numpy.array([[len(prompt) // 4]], numpy.int32)),
                    text_tensor("text_output", text if repeats else text[said:]),
                    pb.Tensor("num_output_tokens", numpy.array([[count]], numpy.int32)),
                ]
                sender.send(pb.InferenceResponse(outputs))
                said = len(text)
        except Exception as error:
            words = "Prompt length (30000) exceeds maximum input length (20000)." if str(error) == "too long" else error
            sender.send(refusal(f'Traceback (most recent call last):\n  File "/opt/bls/model.py": {words}'))
        sender.send(flags=FINAL)
        return outcome
