namespace StableDiffusion.Onnx.Checks;

/// <summary>What <see cref="GraphCheck"/> keeps of an operator of a graph.</summary>
/// <param name="Operator">The operator's name.</param>
/// <param name="Inputs">The names of its inputs; one that is not given is empty.</param>
/// <param name="Outputs">The names of its outputs; one that is not wanted is empty.</param>
/// <param name="Attributes">Its settings that are numbers, by name.</param>
/// <param name="Tensor">Its setting that is a tensor; null if there is none.</param>
internal sealed record GraphNode(string Operator, string[] Inputs, string[] Outputs, Dictionary<string, double[]> Attributes, GraphConstant? Tensor)
{
    /// <summary>The name of its first output; empty if there is none.</summary>
    public string Output => Outputs is [string first, ..] ? first : string.Empty;
}
