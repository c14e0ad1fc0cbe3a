"""Microsoft Entra ID tokens for Azure OpenAI (azure-identity, an optional extra).

https://learn.microsoft.com/azure/ai-services/openai/how-to/managed-identity.
"""

import importlib.util
from typing import Any, Final

from gateway.providers.credentials.refreshing import NoToken, RefreshingSigner, Token
from gateway.secret import Secret

_SCOPE: Final = "https://cognitiveservices.azure.com/.default"


def missing_extra() -> str | None:
    """What to install for Microsoft Entra ID, `None` when it is there."""
    try:
        found = importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        found = False
    return None if found else "Microsoft Entra ID needs azure-identity: pip install '.[azure]'"


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
        self._authority: dict[str, Any] = {}
        if authority is not None:
            self._authority = {"authority": authority, "disable_instance_discovery": True}
        self._credential: Any = None

    def __call__(self) -> Token:
        if self._credential is None:
            self._credential = self._find()
        token = self._credential.get_token(_SCOPE)
        return Token(token.token, float(token.expires_on))

    def _find(self) -> Any:
        missing = missing_extra()
        if missing is not None:
            raise NoToken(missing)
        from azure.identity import ClientSecretCredential  # noqa: PLC0415 - an optional extra

        if self._client_secret is not None and self._tenant_id is not None and self._client_id is not None:
            return ClientSecretCredential(
                self._tenant_id, self._client_id, self._client_secret.reveal(), **self._authority
            )
        return self._chain()

    def _chain(self) -> Any:
        """Azure's default chain; its workload identity would not hear of another authority, and so goes ahead of it."""
        from azure.identity import (  # noqa: PLC0415 - an optional extra
            ChainedTokenCredential,
            DefaultAzureCredential,
            WorkloadIdentityCredential,
        )

        named = {}
        if self._client_id is not None:
            named["managed_identity_client_id"] = named["workload_identity_client_id"] = self._client_id
        if self._tenant_id is not None:
            named["workload_identity_tenant_id"] = self._tenant_id
        if not self._authority:
            return DefaultAzureCredential(**named)
        rest = DefaultAzureCredential(exclude_workload_identity_credential=True, **named, **self._authority)
        try:
            workload = WorkloadIdentityCredential(
                tenant_id=self._tenant_id, client_id=self._client_id, **self._authority
            )
        except ValueError:  # nothing of the kind is set up here
            return rest
        return ChainedTokenCredential(workload, rest)
