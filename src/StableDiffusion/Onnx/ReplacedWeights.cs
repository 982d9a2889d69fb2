using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Tensors;

namespace StableDiffusion.Onnx;

/// <summary>
/// Weights that a session uses in place of those in the graph's file. ONNX Runtime does not copy them, so they must live as
/// long as the session.
/// </summary>
/// <param name="leftOutOptimizers">The optimizers that would use the file's weights before they are replaced, and so must not run.</param>
internal sealed class ReplacedWeights(IReadOnlyList<string> leftOutOptimizers) : IDisposable
{
    private const string LeaveOutKey = "optimization.disable_specified_optimizers";

    private readonly List<(string Name, OrtValue Value)> _values = [];

    /// <summary>The names of the weights in the graph.</summary>
    public IReadOnlySet<string> Names => _values.Select(static value => value.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Whether weights may be rearranged, which uses the file's values if operators transform a weight first.</summary>
    public bool AllowsReordering => leftOutOptimizers.Count == 0;

    /// <summary>Adds a weight. Thread-safe.</summary>
    /// <param name="name">The initializer's name in the graph.</param>
    /// <param name="type">The type that the graph stores it as: F32 or F16.</param>
    /// <param name="shape">Its shape in the graph.</param>
    /// <param name="values">Its values in row-major order, which must not change afterwards.</param>
    public void Add(string name, StoredElementType type, ReadOnlySpan<int> shape, float[] values)
    {
        long[] dimensions = new long[shape.Length];
        for (int axis = 0; axis < shape.Length; axis++)
            dimensions[axis] = shape[axis];

        // ONNX Runtime accepts only memory that it does not own.
        OrtValue value = type == StoredElementType.F16 ? OrtValue.CreateTensorValueFromMemory(ToHalf(values), dimensions) : OrtValue.CreateTensorValueFromMemory(values, dimensions);
        lock (_values)
            _values.Add((name, value));
    }

    /// <summary>Adds the weights to the options of a session that is about to be opened.</summary>
    /// <param name="options">The options.</param>
    public void AddTo(SessionOptions options)
    {
        if (leftOutOptimizers.Count > 0)
            options.AddSessionConfigEntry(LeaveOutKey, string.Join(';', leftOutOptimizers));
        foreach ((string name, OrtValue value) in _values)
            options.AddInitializer(name, value);
    }

    public void Dispose()
    {
        foreach ((_, OrtValue value) in _values)
            value.Dispose();
        _values.Clear();
    }

    private static Float16[] ToHalf(float[] values)
    {
        Float16[] halves = GC.AllocateUninitializedArray<Float16>(values.Length);
        TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<Float16, Half>(halves.AsSpan()));
        return halves;
    }
}
