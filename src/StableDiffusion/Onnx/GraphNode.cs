namespace StableDiffusion.Onnx;

/// <summary>What <see cref="GraphCheck"/> keeps of an operator of a graph.</summary>
/// <param name="Operator">The operator's name.</param>
/// <param name="Inputs">The names of its inputs; one that is not given is empty.</param>
/// <param name="Output">The name of its first output; empty if there is none.</param>
/// <param name="Attributes">Its settings that are numbers, by name.</param>
internal sealed record GraphNode(string Operator, string[] Inputs, string Output, Dictionary<string, double[]> Attributes);
