"""Every parameter of Gemini's `generateContent`, and the feature that each stands for.

Source of the names: https://ai.google.dev/api/generate-content. They stand here in lower camel case, in which a body is
read whose members are spelled as fields are (`generation_config`); at the top both are rows, for both are judged there.
"""

from typing import Final

from gateway.lanes.conversation import Feature
from gateway.lanes.losses import Carried, ClientTable, Parameter, Treatment
from gateway.shapes.google_request import HOSTED, spellings

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment

_SEE: Final = Parameter(_MAPPED, "See its members.")
_TOOL: Final = Carried(Feature.TOOL)
_CALL: Final = Carried(Feature.CALL)
_RESULT: Final = Carried(Feature.RESULT)
_CHOICE: Final = Carried(Feature.TOOL_CHOICE)
_SCHEMA: Final = Carried(Feature.JSON_SCHEMA)
_SPOKEN: Final = Carried(Feature.SPOKEN_ANSWER, (["TEXT"], ["text"], []))
_LOGPROBS: Final = Carried(Feature.LOGPROBS, (False,))
_GOOGLES: Final = Parameter(_DROPPED, "It is Google's own.")

_TOP: Final[ClientTable] = {
    "model": Carried(Feature.MODEL),
    "stream": Carried(Feature.STREAM, note="As the method says."),
    "contents": Carried(Feature.TURNS),
    "systemInstruction": Carried(Feature.INSTRUCTIONS),
    "tools": _TOOL,
    "toolConfig": _SEE,
    "generationConfig": _SEE,
    "safetySettings": Carried(Feature.SAFETY, ([],)),
    "modelArmorConfig": Carried(Feature.SAFETY),
    "cachedContent": Parameter(_REFUSED, "it refers to state that Google's servers hold."),
    "serviceTier": Carried(Feature.SERVICE_TIER),
    "labels": _GOOGLES,
    "store": Parameter(_DROPPED, "Answers are stored by Google alone.", (False,)),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
}
_CONTENTS: Final[ClientTable] = {
    "contents[].role": Parameter(_MAPPED, "`user`, `model`, `function`."),
    "contents[].parts": Carried(Feature.TURNS),
    "contents[].parts[].text": Carried(Feature.TEXT),
    "contents[].parts[].thought": Carried(Feature.THOUGHT),
    "contents[].parts[].thoughtSignature": Carried(
        Feature.THOUGHT, note="To the provider that gave it; what is in an envelope is opened for it alone."
    ),
    "contents[].parts[].inlineData": Carried(Feature.IMAGE, note="By its media type; as images:"),
    "contents[].parts[].fileData": Carried(Feature.IMAGE, note="Only what stands at an http(s) URL; as images:"),
    "contents[].parts[].functionCall": _CALL,
    "contents[].parts[].functionResponse": _RESULT,
    **{
        f"contents[].parts[].{name}": Carried(Feature.SERVER_CALL)
        for name in ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
    },
    **{
        f"contents[].parts[].{name}": _GOOGLES
        for name in (
            "audioMetadata",
            "audioTranscription",
            "documentMetadata",
            "mediaProcessing",
            "mediaResolution",
            "speechMetadata",
            "spreadsheetMetadata",
            "videoMetadata",
        )
    },
    "contents[].parts[].partMetadata": Parameter(_IGNORED, "It is the client's own."),
}
_TOOLS: Final[ClientTable] = {
    "tools[].functionDeclarations": _TOOL,
    "tools[].functionDeclarations[].name": _TOOL,
    "tools[].functionDeclarations[].description": _TOOL,
    "tools[].functionDeclarations[].parameters": _TOOL,
    "tools[].functionDeclarations[].parametersJsonSchema": _TOOL,
    "tools[].functionDeclarations[].response": _GOOGLES,
    "tools[].functionDeclarations[].responseJsonSchema": _GOOGLES,
    "tools[].functionDeclarations[].behavior": Parameter(_DROPPED, "Calls wait for their results.", ("BLOCKING",)),
    "tools[].mcpServers": Carried(Feature.MCP_SERVER, ([],)),
    **{
        f"tools[].{name}": Parameter(_REFUSED, "Google runs this tool; declare a function of your own.")
        for name in HOSTED
    },
    "toolConfig.functionCallingConfig": _CHOICE,
    "toolConfig.functionCallingConfig.mode": _CHOICE,
    "toolConfig.functionCallingConfig.allowedFunctionNames": _CHOICE,
    "toolConfig.functionCallingConfig.streamFunctionCallArguments": Parameter(_IGNORED, "Calls come whole."),
    "toolConfig.retrievalConfig": _GOOGLES,
    "toolConfig.includeServerSideToolInvocations": Parameter(_IGNORED, "There are none."),
}
_GENERATION: Final[ClientTable] = {
    "temperature": Carried(Feature.TEMPERATURE),
    "topP": Carried(Feature.TOP_P),
    "topK": Carried(Feature.TOP_K),
    "maxOutputTokens": Carried(Feature.OUTPUT_LIMIT),
    "candidateCount": Carried(Feature.CHOICES, (1,)),
    "stopSequences": Carried(Feature.STOPS),
    "seed": Carried(Feature.SEED),
    "presencePenalty": Carried(Feature.PENALTIES, (0, 0.0)),
    "frequencyPenalty": Carried(Feature.PENALTIES, (0, 0.0)),
    "responseMimeType": Carried(Feature.JSON_MODE, ("text/plain",)),
    "responseSchema": _SCHEMA,
    "responseJsonSchema": _SCHEMA,
    "responseFormat": _GOOGLES,
    "responseModalities": _SPOKEN,
    "speechConfig": _SPOKEN,
    "responseLogprobs": _LOGPROBS,
    "logprobs": _LOGPROBS,
    "thinkingConfig": _SEE,
    "thinkingConfig.includeThoughts": Parameter(_IGNORED, "Thoughts that a provider shows are parts of the answer."),
    "thinkingConfig.thinkingBudget": Carried(Feature.THINKING_BUDGET, (-1,)),
    "thinkingConfig.thinkingLevel": Carried(Feature.EFFORT),
    "routingConfig": Parameter(_REFUSED, "it names a model beside the one that is asked for."),
    **dict.fromkeys(
        (
            "audioTimestamp",
            "audioTranscriptionConfig",
            "enableAffectiveDialog",
            "enableEnhancedCivicAnswers",
            "imageConfig",
            "mediaResolution",
            "modelSelectionConfig",
            "translationConfig",
        ),
        _GOOGLES,
    ),
}

CLIENT: Final[ClientTable] = {
    **{one: row for name, row in _TOP.items() for (one,) in spellings(name)},
    **_CONTENTS,
    **_TOOLS,
    **{f"generationConfig.{name}": row for name, row in _GENERATION.items()},
}
"""What clients of the API send."""
