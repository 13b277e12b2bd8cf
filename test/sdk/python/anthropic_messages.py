# The official client of Anthropic for Python on /v1/messages. Knows no case.
from anthropic import AsyncAnthropic
from drive import KEY, PARAMETERS, URL, WEATHER, drive

TOOLS = [{"name": WEATHER["name"], "description": WEATHER["description"], "input_schema": PARAMETERS}]
client = AsyncAnthropic(base_url=URL, api_key=KEY)


async def ask(case):
    messages = [{"role": "user", "content": case.prompt}]
    while True:
        wish = {"model": case.model, "max_tokens": 1000, "messages": messages, "tools": TOOLS}
        answer = await over_stream(case, wish) if case.streamed else await client.messages.create(**wish)
        messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in answer.content]})
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls:
            return "".join(block.text for block in answer.content if block.type == "text")
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": case.call(**call.input)} for call in calls]
        messages.append({"role": "user", "content": results})


async def over_stream(case, wish):
    async with client.messages.stream(**wish) as stream:
        async for _ in stream.text_stream:
            case.heard()
        return await stream.get_final_message()


drive("anthropic-python", ask)
