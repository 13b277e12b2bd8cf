# The Agents SDK of OpenAI for Python on /v1/responses or /v1/chat/completions, as named on the command line. Knows no case.
import sys

from agents import Agent, FunctionTool, OpenAIProvider, RunConfig, Runner, set_tracing_disabled
from drive import KEY, PARAMETERS, URL, WEATHER, drive
import json

set_tracing_disabled(True)
provider = OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY, use_responses=sys.argv[1] == "responses")
settings = RunConfig(model_provider=provider, tracing_disabled=True)


async def ask(case):
    async def invoke(_context, text):
        return case.call(**json.loads(text))

    weather = FunctionTool(WEATHER["name"], WEATHER["description"], PARAMETERS, invoke)
    agent = Agent(name="caisson", model=case.model, tools=[weather])
    if not case.streamed:
        return (await Runner.run(agent, case.prompt, run_config=settings)).final_output
    run = Runner.run_streamed(agent, case.prompt, run_config=settings)
    try:
        async for event in run.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                case.heard()
    finally:
        run.cancel()
    return run.final_output


drive(f"agents-python-{sys.argv[1]}", ask)
