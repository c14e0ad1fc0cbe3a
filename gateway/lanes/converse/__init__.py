"""Amazon Bedrock's Converse, as providers speak it."""
