# The official client of OpenAI for Python on /v1/responses. Knows no case.
import json

from drive import KEY, URL, WEATHER, drive
from openai import AsyncOpenAI

TOOLS = [{"type": "function", "strict": True, **WEATHER}]
client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY)


async def ask(case):
    history = [{"role": "user", "content": case.prompt}]
    while True:
        wish = {"model": case.model, "input": history, "tools": TOOLS, "store": False}
        answer = await over_stream(case, wish) if case.streamed else await client.responses.create(**wish)
        history += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        for call in calls:
            result = case.call(**json.loads(call.arguments))
            history.append({"type": "function_call_output", "call_id": call.call_id, "output": result})


async def over_stream(case, wish):
    async with client.responses.stream(**wish) as stream:
        async for event in stream:
            if event.type == "response.output_text.delta":
                case.heard()
        return await stream.get_final_response()


drive("openai-python-responses", ask)
