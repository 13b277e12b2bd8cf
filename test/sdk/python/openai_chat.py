# The official client of OpenAI for Python on /v1/chat/completions. Knows no case.
import json

from drive import KEY, URL, WEATHER, drive
from openai import AsyncOpenAI

TOOLS = [{"type": "function", "function": WEATHER}]
client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY)


async def ask(case):
    messages = [{"role": "user", "content": case.prompt}]
    while True:
        wish = {"model": case.model, "messages": messages, "tools": TOOLS}
        message = await over_stream(case, wish) if case.streamed else await whole(wish)
        messages.append(message.model_dump(exclude_none=True, exclude={"tool_calls": {"__all__": {"function": {"parsed_arguments"}}}, "parsed": True}))
        if not message.tool_calls:
            return message.content
        for call in message.tool_calls:
            result = case.call(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


async def whole(wish):
    return (await client.chat.completions.create(**wish)).choices[0].message


async def over_stream(case, wish):
    async with client.chat.completions.stream(**wish) as stream:
        async for event in stream:
            if event.type == "content.delta":
                case.heard()
        return (await stream.get_final_completion()).choices[0].message


drive("openai-python-chat", ask)
