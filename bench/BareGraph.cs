using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;

namespace StableDiffusion.Benchmarks;

/// <summary>A graph in bare ONNX Runtime: <c>InferenceSession.Run</c> over values that are allocated once, and nothing else.</summary>
internal sealed class BareGraph : IDisposable
{
    private readonly RunOptions _runOptions = new();
    private readonly InferenceSession _session;
    private readonly bool _ownsSession;
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly OnnxBuffer[] _buffers;
    private readonly OrtValue[] _inputs;
    private readonly OrtValue[] _outputs;

    /// <summary>Allocates the values for a session.</summary>
    /// <param name="session">The session.</param>
    /// <param name="ownsSession">Whether it is to be disposed with this.</param>
    /// <param name="output">The output to compute.</param>
    /// <param name="inputs">All inputs, each with its shape; their values are normal noise, or zeros where the graph takes whole numbers.</param>
    public BareGraph(InferenceSession session, bool ownsSession, (string Name, int[] Shape) output, params ReadOnlySpan<(string Name, int[] Shape)> inputs)
    {
        _session = session;
        _ownsSession = ownsSession;
        _inputNames = [.. inputs.ToArray().Select(input => input.Name)];
        _outputNames = [output.Name];
        _buffers =
        [
            .. inputs.ToArray().Select(input => Allocate(_session.InputMetadata[input.Name], input.Shape)),
            Allocate(_session.OutputMetadata[output.Name], output.Shape),
        ];
        _inputs = [.. _buffers[..^1].Select(buffer => buffer.Value)];
        _outputs = [_buffers[^1].Value];
    }

    public void Run() => _session.Run(_runOptions, _inputNames, _inputs, _outputNames, _outputs);

    public void Dispose()
    {
        foreach (OnnxBuffer buffer in _buffers)
            buffer.Dispose();
        if (_ownsSession)
            _session.Dispose();
        _runOptions.Dispose();
    }

    private static OnnxBuffer Allocate(NodeMetadata node, int[] shape)
    {
        OnnxBuffer buffer = new(node.ElementDataType, shape);
        if (node.ElementDataType is TensorElementType.Float or TensorElementType.Float16)
            new TorchRandom(1).Fill(buffer.Values, 0, 0);
        buffer.Upload();
        return buffer;
    }
}
