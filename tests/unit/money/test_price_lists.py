import pytest

from gateway.money.price_lists import list_at


@pytest.mark.parametrize(
    ("address", "listed"),
    [
        ("https://api.openai.com", "openai"),
        ("https://api.openai.com/v1", "openai"),
        ("https://API.OpenAI.com:443/v1/", "openai"),
        ("https://user:secret@api.openai.com/v1", "openai"),
        ("https://api.openai.com.corp.example/v1", None),
        ("https://api.openai.com@llm.corp.example/v1", None),
        ("https://api.openai.community/v1", None),
        ("https://llm.corp.example/https://api.openai.com/v1", None),
        ("http://api.openai.com/v1", None),
        ("https://api.deepseek.com/v1", "deepseek"),
        ("https://api.deepseek.com.cn", None),
        ("https://us-aiplatform.googleapis.com/v1", "google"),
        ("https://googleapis.com", "google"),
        ("https://llm.corp.example/a.googleapis.com/v1", None),
        ("https://llm.corp.example/?to=a.googleapis.com", None),
        ("https://googleapis.com.corp.example", None),
        ("https://ours.openai.azure.com/openai/v1", "azure"),
        ("https://llm/x.openai.azure.com/openai/v1", None),
        ("https://ours.openai.azure.com.corp.example", None),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.minimaxi.com/v1", "minimax"),
        ("https://api.moonshot.ai/v1", "moonshotai"),
        ("https://api.moonshot.cn:443/v1", "moonshotai"),
        ("https://api.moonshot.corp.example/v1", None),
        ("https://api.arcee.ai:443/v1", "arcee"),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com", "aws"),
        ("https://router.huggingface.co/groq/openai/v1", "huggingface_groq"),
        ("https://router.huggingface.co/groq", "huggingface_groq"),
        ("https://router.huggingface.co/groq-of-ours/v1", None),
        ("https://router.huggingface.co/v1", None),
        ("https://api.cloudflare.com/client/v4/accounts/ours/ai/v1", "cloudflare"),
        ("https://ours.cloud.databricks.com/serving-endpoints", "databricks"),
        ("https://ours.cloud.databricks.com/else", None),
        ("https://llm.corp.example/x.cloud.databricks.com/serving-endpoints", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_the_address_of_a_seller_is_told_by_its_host_and_path_as_a_whole(address, listed):
    assert list_at(address) == listed
