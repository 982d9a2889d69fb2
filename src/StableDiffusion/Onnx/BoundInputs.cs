using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Onnx;

/// <summary>
/// The inputs of a graph on a device with memory of its own. ONNX Runtime copies an input to the device when it is bound, and not
/// again when the graph runs: what was written since must be bound again, and what never changes stays on the device.
/// </summary>
/// <param name="inputs">The inputs with their memory, as they were bound.</param>
internal sealed class BoundInputs(IEnumerable<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs)
{
    private readonly (string Name, OnnxBuffer Buffer, int Written)[] _bound = [.. inputs.Select(static input => (input.Info.Name, input.Buffer, input.Buffer.Written))];

    /// <summary>Binds those inputs again that were written since they were bound last.</summary>
    /// <param name="bind">Binds an input.</param>
    public void Refresh(Action<string, OrtValue> bind)
    {
        foreach (ref (string Name, OnnxBuffer Buffer, int Written) input in _bound.AsSpan())
        {
            if (input.Written == input.Buffer.Written)
                continue;
            bind(input.Name, input.Buffer.Value);
            input.Written = input.Buffer.Written;
        }
    }
}
