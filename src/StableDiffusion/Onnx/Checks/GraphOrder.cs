namespace StableDiffusion.Onnx.Checks;

/// <summary>Puts the operators of a graph in the order in which they can run. ONNX Runtime takes them in any order.</summary>
internal static class GraphOrder
{
    /// <summary>Sorts operators, each after those that make its inputs.</summary>
    /// <param name="nodes">The operators.</param>
    /// <returns>The operators; those that wait for each other are left out.</returns>
    public static IEnumerable<GraphNode> Sort(IReadOnlyList<GraphNode> nodes)
    {
        // Both branches of a graph may have a value of the same name.
        Dictionary<string, int> awaited = nodes.SelectMany(static node => node.Outputs).Where(static name => name.Length > 0).CountBy(static name => name, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        Dictionary<string, List<GraphNode>> waiting = new(StringComparer.Ordinal);
        Stack<GraphNode> ready = new();
        foreach (GraphNode first in nodes)
        {
            ready.Push(first);
            while (ready.TryPop(out GraphNode? node))
            {
                if (Array.Find(node.Inputs, awaited.ContainsKey) is string missing)
                {
                    if (!waiting.TryGetValue(missing, out List<GraphNode>? others))
                        waiting.Add(missing, others = []);
                    others.Add(node);
                    continue;
                }

                yield return node;
                foreach (string output in node.Outputs)
                {
                    if (output.Length == 0 || --awaited[output] > 0)
                        continue;
                    awaited.Remove(output);
                    if (waiting.Remove(output, out List<GraphNode>? next))
                        next.ForEach(ready.Push);
                }
            }
        }
    }
}
