"""A receiver as OpenAI's documentation has it: check the signature, read the event. SAID: JSON of body, headers, secret."""

import json
import os

from openai import InvalidWebhookSignatureError, OpenAI

said = json.loads(os.environ["SAID"])
client = OpenAI(api_key="unused", webhook_secret=said["secret"])
event = client.webhooks.unwrap(said["body"], said["headers"])
try:
    client.webhooks.verify_signature(said["body"] + " ", said["headers"])
    forged = "believed"
except InvalidWebhookSignatureError:
    forged = "refused"
print(json.dumps({"type": event.type, "id": event.data.id, "event": event.id, "forged": forged}))
