"""The checkpointed stages of one video at the site: upload, create_post, submit, follow, download."""
