using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Networks;

/// <summary>A graph in ONNX Runtime as it comes, so that these tests rest on nothing else of the engine.</summary>
internal sealed class GraphSession : IDisposable
{
    private readonly InferenceSession _session;

    public GraphSession(string path)
    {
        using SessionOptions options = new();
        options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR;
        _session = new InferenceSession(path, options);
    }

    public InferenceSession Inner => _session;

    public Dictionary<string, Tensor> Run(params (string Name, object Input)[] inputs)
    {
        List<OrtValue> values = [];
        try
        {
            foreach ((_, object input) in inputs)
            {
                values.Add(input is Tensor tensor
                    ? OrtValue.CreateTensorValueFromMemory(tensor.Values, ToLong(tensor.Shape))
                    : OrtValue.CreateTensorValueFromMemory((long[])input, [1, ((long[])input).Length]));
            }

            using RunOptions options = new();
            using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(
                options, [.. inputs.Select(input => input.Name)], values, _session.OutputNames);
            Dictionary<string, Tensor> results = [];
            for (int i = 0; i < outputs.Count; i++)
            {
                int[] shape = [.. outputs[i].GetTensorTypeAndShape().Shape.Select(length => (int)length)];
                results.Add(_session.OutputNames[i], new Tensor(outputs[i].GetTensorDataAsSpan<float>().ToArray(), shape));
            }

            return results;
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
    }

    public void Dispose() => _session.Dispose();

    private static long[] ToLong(IReadOnlyList<int> shape) => [.. shape.Select(length => (long)length)];
}
