# Owns the cases that every SDK for Python goes through, and the one JSON line of each. Knows no SDK.
import asyncio
import json
import os
import time
import urllib.request

URL = os.environ["CAISSON_URL"]
KEY = os.environ["CAISSON_KEY"]
PATIENCE_S = 0.5
DEGREES = {"Oslo": 3, "Lima": 22}
MODES = ["whole", "streamed"]

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {"name": "weather", "description": "Degrees in a city.", "parameters": PARAMETERS}


class Case:
    """What an SDK is asked: `ask` runs `call` for each call, tells `heard` of each piece of text, and gives the answer in words."""

    def __init__(self, name, mode, scene, model):
        self.id = f"{scene}#{name}/{mode}"
        self.prompt = f"scene:{self.id}"
        self.model = model
        self.streamed = mode == "streamed"
        self.calls = []
        self.first = asyncio.Event()

    def call(self, city):
        self.calls.append(city)
        return f"{city}: {DEGREES[city]}"

    def heard(self):
        self.first.set()

    def tell(self, **seen):
        print(json.dumps({"case": self.id, "model": self.model, **seen}), flush=True)


def drive(name, ask):
    asyncio.run(play(name, ask))


async def play(name, ask):
    lane, quiet = os.environ["CAISSON_MODEL"], os.environ["CAISSON_QUIET_MODEL"]
    silences = [asyncio.create_task(conversation(Case(name, mode, "silence", quiet), ask)) for mode in MODES]
    for mode in MODES:
        for scene in ["two-calls", "parallel", "dies-in-text", "dies-in-call"]:
            await conversation(Case(name, mode, scene, lane), ask)
        for scene in ["says-forever", "mute"]:
            await leaving(Case(name, mode, scene, lane), ask)
    await asyncio.gather(*silences)


async def engine_is_up(model):
    """After a death the next engine needs a moment; without it a case would show a refused connection."""
    url = json.loads(os.environ["CAISSON_ENGINES"])[model]
    while True:
        try:
            await asyncio.to_thread(lambda: urllib.request.urlopen(f"{url}/models").read())
            return
        except OSError:
            await asyncio.sleep(0.02)


async def conversation(case, ask):
    await engine_is_up(case.model)
    try:
        text = await ask(case)
    except Exception as error:
        words = f"{type(error).__name__}: {error}"[:300]
        case.tell(seen={"ended": "raised", "calls": case.calls}, error=words)
    else:
        case.tell(seen={"ended": "answered", "calls": case.calls, "text": text})


async def leaving(case, ask):
    """Leaves with the first piece of text, or when nothing comes."""
    await engine_is_up(case.model)
    asking = asyncio.create_task(ask(case))
    waiting = asyncio.create_task(case.first.wait())
    await asyncio.wait([asking, waiting], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    left_at = time.time() * 1000
    asking.cancel()
    waiting.cancel()
    ended = await asyncio.gather(asking, return_exceptions=True)
    case.tell(leftAt=left_at, seen={"left": True}, ended=repr(ended[0])[:300])
