"""The way to clusters that are not simulated: our components on their apiserver, our scenarios on their nodes."""
