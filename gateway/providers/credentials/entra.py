"""Microsoft Entra ID tokens for Azure OpenAI (azure-identity, an optional extra).

https://learn.microsoft.com/azure/ai-services/openai/how-to/managed-identity.
"""

from typing import Any, Final

from gateway.providers.credentials.refreshing import RefreshingSigner, Token
from gateway.secret import Secret

_SCOPE: Final = "https://cognitiveservices.azure.com/.default"


def entra_signer(
    tenant_id: str | None, client_id: str | None, client_secret: Secret | None, authority: str | None = None
) -> RefreshingSigner:
    """A signer with an application's secret, or with what Azure's default chain finds for this client, if any."""
    where = "Microsoft Entra ID" if client_secret is not None else "Azure's default credential chain"
    return RefreshingSigner(_Fetch(tenant_id, client_id, client_secret, authority), where)


class _Fetch:
    """Finds the credential once, and asks it for a token at each call. Runs in a thread."""

    def __init__(
        self, tenant_id: str | None, client_id: str | None, client_secret: Secret | None, authority: str | None
    ) -> None:
        self._tenant_id = tenant_id
        self._client_id = client_id
        self._client_secret = client_secret
        self._authority = {} if authority is None else {"authority": authority, "disable_instance_discovery": True}
        self._credential: Any = None

    def __call__(self) -> Token:
        if self._credential is None:
            self._credential = self._find()
        token = self._credential.get_token(_SCOPE)
        return Token(token.token, float(token.expires_on))

    def _find(self) -> Any:
        from azure.identity import ClientSecretCredential, DefaultAzureCredential  # noqa: PLC0415 - an optional extra

        if self._client_secret is not None and self._tenant_id is not None and self._client_id is not None:
            return ClientSecretCredential(
                self._tenant_id, self._client_id, self._client_secret.reveal(), **self._authority
            )
        named = {} if self._client_id is None else {"managed_identity_client_id": self._client_id}
        if self._client_id is not None:
            named["workload_identity_client_id"] = self._client_id
        return DefaultAzureCredential(**named, **self._authority)
