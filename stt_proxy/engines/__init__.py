"""The engines that can stand behind the proxy, one module or package each."""
