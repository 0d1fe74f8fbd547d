"""The CPU judge: whether evidence supports a claim, by the claim's words one by one."""
