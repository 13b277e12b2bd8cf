# Owns a double of Triton's vLLM back end: its inputs, its deltas, its final mark on the last reply. Knows no script.
import json

import numpy
import triton_python_backend_utils as pb
from playback import FINAL, TextModel, Trouble, declare, play, text_tensor, value

T, B = "TYPE_STRING", "TYPE_BOOL"
KNOWN = {
    "max_tokens", "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "stop",
    "stop_token_ids", "structured_outputs",
}
RETURNS = ["return_finish_reason", "return_num_input_tokens", "return_num_output_tokens"]


class TritonPythonModel(TextModel):
    @staticmethod
    def auto_complete_config(config):
        inputs = [("text_input", T, 1, True), ("stream", B, 1, False), ("sampling_parameters", T, 1, False)]
        inputs += [(name, B, 1, False) for name in ["exclude_input_in_output", *RETURNS]]
        outputs = [("text_output", T), ("finish_reason", T), ("num_input_tokens", "TYPE_UINT32")]
        return declare(config, 0, inputs, [*outputs, ("num_output_tokens", "TYPE_UINT32")])

    async def answer(self, request, sender):
        try:
            given = json.loads(value(request, "sampling_parameters"))
            if set(given) - KNOWN or not 0 <= given.get("temperature", 1) <= 2:
                raise Trouble("'NoneType' object has no attribute 'lora_name'")
            prompt, said, counted = value(request, "text_input"), 0, 0
            async for text, count, why in play(prompt, given.get("max_tokens", 16), given.get("stop", []), False, True):
                if request.is_cancelled():
                    error = pb.TritonError("Request was cancelled", pb.TritonError.CANCELLED)
                    sender.send(pb.InferenceResponse(error=error), FINAL)
                    return "cancelled"
                outputs = [
                    pb.Tensor("num_output_tokens", numpy.array([count - counted], numpy.uint32)),
                    text_tensor("finish_reason", str(why)),
                    text_tensor("text_output", text[said:]),
                    pb.Tensor("num_input_tokens", numpy.array(len(prompt) // 4, numpy.uint32)),
                ]
                sender.send(pb.InferenceResponse(outputs), FINAL if why else 0)
                said, counted = len(text), count
        except Exception as error:
            words = str(error)
            if words == "too long":
                words = "The decoder prompt (length 30000) is longer than the maximum model length of 20000."
            reply = [text_tensor("text_output", "N/A")]
            sender.send(pb.InferenceResponse(reply, pb.TritonError(f"Error generating stream: {words}")), FINAL)
