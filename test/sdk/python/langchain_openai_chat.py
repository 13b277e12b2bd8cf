# LangChain for Python, with a model that has tools. Knows no case.
from drive import KEY, URL, WEATHER, drive
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI


async def ask(case):
    chat = ChatOpenAI(model=case.model, base_url=f"{URL}/v1", api_key=KEY)
    bound = chat.bind_tools([{"type": "function", "function": WEATHER}])
    messages = [HumanMessage(case.prompt)]
    while True:
        message = await over_stream(case, bound, messages) if case.streamed else await bound.ainvoke(messages)
        messages.append(message)
        if not message.tool_calls:
            return message.text
        for call in message.tool_calls:
            messages.append(ToolMessage(tool_call_id=call["id"], content=case.call(**call["args"])))


async def over_stream(case, bound, messages):
    whole = None
    async for chunk in bound.astream(messages):
        whole = chunk if whole is None else whole + chunk
        if chunk.text:
            case.heard()
    return whole


drive("langchain-python", ask)
