# Owns what a scripted text model does: says pieces with pauses, fails, dies or hangs, as its prompt orders. Knows no dialect.
import asyncio
import base64
import json
import os
import re
import threading

import numpy
import triton_python_backend_utils as pb

FINAL = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
ORDER = re.compile(r"@play:([A-Za-z0-9+/=]+)@")
WINDOW = 20_000


class Trouble(Exception):
    pass


def note(model, event, request):
    """One line for each event, so that a test can see what reached the model."""
    with open(os.environ["PLAY_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps({"model": model, "event": event, "id": request.request_id()}) + "\n")


def order_of(prompt):
    found = list(ORDER.finditer(prompt))
    if not found:
        return {"pieces": ["Hello", " there", "."]}
    order = json.loads(base64.b64decode(found[-1].group(1)))
    turns = order.get("turns")
    if turns is None:
        return order
    answered = prompt[found[-1].end():].lower().count("<tool_response>")
    return {**order, "pieces": turns[min(answered, len(turns) - 1)]}


async def play(prompt, limit, stops, shows_stops, holds=False):
    """Yields the text so far, the pieces so far, and the reason of the end with the last one."""
    order = order_of(prompt)
    pieces = order["pieces"] * order.get("times", 1)
    if len(prompt) // 4 > WINDOW:
        raise Trouble("too long")
    trouble = [order[name] for name in ("die", "hang", "fail") if name in order]
    text = ""
    for number in range(len(pieces) + 1):
        if order.get("die") == number:
            os._exit(7)
        if order.get("hang") == number:
            await asyncio.sleep(3600)
        if order.get("fail") == number:
            raise Trouble(order.get("words", "it broke"))
        if number == len(pieces):
            return
        text += pieces[number]
        ends = [text.index(stop) + (len(stop) if shows_stops else 0) for stop in stops if stop in text]
        if ends:
            yield text[: min(ends)], number + 1, "stop"
            return
        if number + 1 == len(pieces) and not trouble:
            yield text, number + 1, "stop"
            return
        if number + 1 == limit:
            yield text, number + 1, "length"
            return
        held = max((len(stop) - 1 for stop in stops), default=0) if holds else 0
        yield text[: len(text) - held] if held < len(text) else "", number + 1, None
        await asyncio.sleep(order.get("pause_ms", 0) / 1000)


def value(request, name, default=None):
    tensor = pb.get_input_tensor_by_name(request, name)
    if tensor is None:
        return default
    first = tensor.as_numpy().reshape(-1)[0]
    return first.decode("utf-8") if isinstance(first, bytes) else first.item()


def values(request, name):
    tensor = pb.get_input_tensor_by_name(request, name)
    return [] if tensor is None else [one.decode("utf-8") for one in tensor.as_numpy().reshape(-1)]


def text_tensor(name, text):
    return pb.Tensor(name, numpy.array([text.encode("utf-8")], dtype=numpy.object_))


def refusal(words):
    return pb.InferenceResponse(output_tensors=[], error=pb.TritonError(words))


def declare(config, batch, inputs, outputs):
    config.set_max_batch_size(batch)
    config.set_model_transaction_policy({"decoupled": True})
    for name, kind, size, required in inputs:
        config.add_input({"name": name, "data_type": kind, "dims": [size], "optional": not required})
    for name, kind in outputs:
        config.add_output({"name": name, "data_type": kind, "dims": [-1]})
    return config


class TextModel:
    """Each request is a coroutine of one loop, as in the engines themselves."""

    def initialize(self, given):
        self.name = given["model_name"]
        self.config = json.loads(given["model_config"])
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def execute(self, requests):
        for request in requests:
            asyncio.run_coroutine_threadsafe(self.run(request), self.loop)

    async def run(self, request):
        note(self.name, "began", request)
        event = "ended"
        try:
            if await self.answer(request, request.get_response_sender()) == "cancelled":
                event = "cancelled"
        except Exception as error:
            event = f"broke: {error}"
        note(self.name, event, request)
