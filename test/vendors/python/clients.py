"""PyPI's openai and anthropic. Takes lines of JSON: {client, use, url, key, model, tool}, and answers
each with {value} or {error, status_code}."""

import json
import sys

import anthropic
import openai

MESSAGES = [{"role": "user", "content": "Hello"}]


def chat(url, key, model, tool, use):
    client = openai.OpenAI(base_url=url + "/v1", api_key=key)
    base = {"model": model, "messages": MESSAGES, "max_completion_tokens": 100}
    if use == "stream":
        stream = client.chat.completions.create(**base, stream=True)
        # As in OpenAI's own examples, which a chunk without a choice would break.
        return [part for chunk in stream if (part := chunk.choices[0].delta.content)]
    if use == "tool":
        function = {"name": tool["name"], "parameters": tool["schema"]}
        tools = [{"type": "function", "function": function}]
        completion = client.chat.completions.create(**base, tools=tools)
        [call] = completion.choices[0].message.tool_calls
        return {"name": call.function.name, "input": json.loads(call.function.arguments)}
    return client.chat.completions.create(**base).choices[0].message.content


def responses(url, key, model, tool, use):
    client = openai.OpenAI(base_url=url + "/v1", api_key=key)
    base = {"model": model, "input": "Hello", "max_output_tokens": 100}
    if use == "stream":
        stream = client.responses.create(**base, stream=True)
        return [event.delta for event in stream if event.type == "response.output_text.delta"]
    if use == "tool":
        function = {"type": "function", "name": tool["name"], "parameters": tool["schema"]}
        [call] = client.responses.create(**base, tools=[{**function, "strict": True}]).output
        return {"name": call.name, "input": json.loads(call.arguments)}
    return client.responses.create(**base).output_text


def messages(url, key, model, tool, use):
    client = anthropic.Anthropic(base_url=url, api_key=key)
    base = {"model": model, "messages": MESSAGES, "max_tokens": 100}
    if use == "stream":
        with client.messages.stream(**base) as stream:
            return list(stream.text_stream)
    if use == "tool":
        tools = [{"name": tool["name"], "input_schema": tool["schema"]}]
        [block] = client.messages.create(**base, tools=tools).content
        return {"name": block.name, "input": block.input}
    return client.messages.create(**base).content[0].text


CLIENTS = {"chat": chat, "responses": responses, "messages": messages}

for line in sys.stdin:
    asked = json.loads(line)
    client = CLIENTS[asked.pop("client")]
    try:
        answer = {"value": client(**asked)}
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        answer = {"error": f"{type(error).__name__}: {error}", "status_code": error.status_code}
        answer["body"] = error.body
    print(json.dumps(answer), flush=True)
