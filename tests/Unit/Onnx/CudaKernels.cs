using System.Text.Json;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Tests.Onnx;

/// <summary>
/// The operators that ONNX Runtime can run on an NVIDIA card, with their versions and element types, from
/// <c>tests/data/cuda/kernels.json</c>; and the check that a graph has no other ones.
/// </summary>
/// <remarks>The rules are those by which ONNX Runtime looks for a kernel, and by which its CUDA provider leaves computations of shapes to the processor.</remarks>
internal sealed class CudaKernels
{
    /// <summary>The largest constant that ONNX Runtime would rather read on the processor.</summary>
    private const long SmallConstant = 100;

    private const string Shape = "Shape";

    // Their kernels for cards read all inputs but the first, such as a shape, in the processor's memory.
    private static readonly HashSet<string> s_readByTheProcessor = ["Expand", "Pad", "Reshape", "Resize", "Slice", "Split", "Squeeze", "Tile", "Unsqueeze"];

    private readonly Dictionary<(string Domain, string Name), KnownOperator> _operators;

    public static CudaKernels Table { get; } = Read(Repository.Data("cuda", "kernels.json"));

    private CudaKernels(string checkedWith, Dictionary<(string, string), KnownOperator> operators)
    {
        CheckedWith = checkedWith;
        _operators = operators;
    }

    /// <summary>The version of ONNX Runtime that the table was compared with.</summary>
    public string CheckedWith { get; }

    private sealed record KnownOperator(string Domain, string Name, long[] Versions, Form[] Forms, Kernel[] Kernels);

    /// <summary>The types of the inputs and outputs of an operator: each the name of a type, or of a set of them that a kernel gives.</summary>
    private sealed record Form(string[] Inputs, string[] Outputs);

    private sealed record Kernel(long Since, long? Until, Dictionary<string, string[]> Types);

    private sealed record TableFile(string CheckedWith, KnownOperator[] Operators);

    /// <summary>Finds the nodes of a graph that would not run on the card.</summary>
    /// <param name="model">The graph.</param>
    /// <returns>One line per node: its name, operator and element types, and why.</returns>
    public IReadOnlyList<string> FindOthers(ModelProto model)
    {
        Dictionary<string, string> types = model.Graph.Initializer.ToDictionary(static item => item.Name, static item => NameOf((long)item.DataType), StringComparer.Ordinal);
        foreach (ValueInfoProto input in model.Graph.Input)
            types[input.Name] = NameOf((long)input.Type.TensorType.ElemType);

        HashSet<string> cheap = [.. model.Graph.Input.Select(static input => input.Name), .. model.Graph.Initializer.Where(static item => item.Dims.Aggregate(1L, static (count, length) => count * length) <= SmallConstant).Select(static item => item.Name)];
        HashSet<string> shapes = [];
        List<string> others = [];
        foreach (NodeProto node in model.Graph.Node)
        {
            string[] inputs = [.. node.Input.Select(name => name.Length == 0 ? string.Empty : types[name])];
            string[]? outputs = Find(node, inputs, model.OpsetImport.Single(set => set.Domain == node.Domain).Version);
            string line = $"{node.Name}: {(node.Domain.Length == 0 ? string.Empty : $"{node.Domain}.")}{node.OpType}({string.Join(", ", inputs)})";
            if (outputs is null)
                others.Add($"{line} has no kernel");
            else if (IsLeftToProcessor(node, inputs, cheap, shapes))
                others.Add($"{line} is left to the processor, as a computation of shapes");

            // Without a kernel, a guess lets the check go on.
            string guess = inputs.FirstOrDefault(static type => type.StartsWith("float", StringComparison.Ordinal)) ?? inputs[0];
            for (int i = 0; i < node.Output.Count; i++)
                types[node.Output[i]] = outputs?[i] ?? guess;
            if (node.OpType == Shape)
                shapes.UnionWith(node.Output);
        }

        return others;
    }

    private static CudaKernels Read(string path)
    {
        TableFile table = JsonSerializer.Deserialize<TableFile>(File.ReadAllText(path), JsonSerializerOptions.Web)!;
        return new(table.CheckedWith, table.Operators.ToDictionary(static item => (item.Domain, item.Name)));
    }

    /// <summary>Finds a kernel for a node.</summary>
    /// <returns>The types of its outputs; null if there is none.</returns>
    private string[]? Find(NodeProto node, string[] inputs, long set)
    {
        if (!_operators.TryGetValue((node.Domain, node.OpType), out KnownOperator? known))
            return null;

        // A kernel without an end is for the version that it begins with, and not for later ones.
        long version = known.Versions.Where(version => version <= set).Max();
        return known.Kernels
            .Where(kernel => kernel.Since == version || (kernel.Since < version && kernel.Until >= version))
            .SelectMany(kernel => FormsOf(known, kernel).Select(form => Fit(node, inputs, form, kernel)))
            .FirstOrDefault(static outputs => outputs is not null);
    }

    /// <summary>The forms of an operator that are those of a kernel: they have all sets of types that it gives, and the fewest others.</summary>
    private static IEnumerable<Form> FormsOf(KnownOperator known, Kernel kernel) => known.Forms
        .Where(form => kernel.Types.Keys.Where(IsSet).All(set => form.Inputs.Contains(set) || form.Outputs.Contains(set)))
        .GroupBy(form => form.Inputs.Concat(form.Outputs).Distinct().Count(type => IsSet(type) && !kernel.Types.ContainsKey(type)))
        .MinBy(static forms => forms.Key) ?? Enumerable.Empty<Form>();

    private static string[]? Fit(NodeProto node, string[] inputs, Form form, Kernel kernel)
    {
        // The last input stands for all that follow, as in Concat.
        Dictionary<string, string> chosen = new(StringComparer.Ordinal);
        if (!inputs.Select((type, i) => type.Length == 0 || Accepts(form.Inputs[Math.Min(i, form.Inputs.Length - 1)], type)).All(static accepted => accepted))
            return null;

        string[] outputs = [.. node.Output.Select((_, i) => TypeOf(form.Outputs[i])).OfType<string>()];
        return outputs.Length == node.Output.Count && outputs.Select((type, i) => Accepts(form.Outputs[i], type)).All(static accepted => accepted) ? outputs : null;

        bool Accepts(string set, string type) => IsSet(set)
            ? kernel.Types.GetValueOrDefault(set)?.Contains(type) != false && (chosen.TryAdd(set, type) || chosen[set] == type)
            : set == type;

        string? TypeOf(string set)
        {
            if (node.OpType == "Cast")
                return NameOf(node.Attribute.Single(static item => item.Name == "to").I);
            return !IsSet(set) ? set : chosen.GetValueOrDefault(set) ?? (kernel.Types.GetValueOrDefault(set) is [string only] ? only : null);
        }
    }

    /// <summary>Whether ONNX Runtime leaves a node with a kernel to the processor: all that it reads is there, and a card would have to fetch a shape.</summary>
    private static bool IsLeftToProcessor(NodeProto node, string[] inputs, HashSet<string> cheap, HashSet<string> shapes)
    {
        bool fetches = node.Input.Where((name, i) => shapes.Contains(name) && !(i > 0 && s_readByTheProcessor.Contains(node.OpType))).Any();
        return fetches && !inputs.Contains("float16") && node.Input.All(name => name.Length == 0 || cheap.Contains(name) || shapes.Contains(name));
    }

    // A set is called T, T1, Tind or the like; a type is written small.
    private static bool IsSet(string name) => char.IsUpper(name[0]);

    private static string NameOf(long type) => ((DataType)type).ToString().ToLowerInvariant();
}
