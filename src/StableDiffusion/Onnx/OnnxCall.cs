using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Onnx;

/// <summary>A graph with memory bound to its inputs and outputs, to be run repeatedly. Not thread-safe.</summary>
internal sealed class OnnxCall : IDisposable
{
    private readonly OnnxSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _options = OnnxSession.CreateRunOptions();
    private readonly Func<bool> _run;

    /// <summary>Initializes the call.</summary>
    /// <param name="session">The graph.</param>
    /// <param name="binding">The binding of all memory.</param>
    /// <param name="outputs">The memory of the outputs.</param>
    /// <param name="inputs">The inputs, if the device has memory of its own; null if the graph reads what is in the buffers.</param>
    internal OnnxCall(OnnxSession session, OrtIoBinding binding, IReadOnlyList<OnnxBuffer> outputs, BoundInputs? inputs)
    {
        _session = session;
        _binding = binding;
        _run = () =>
        {
            inputs?.Refresh(_binding.BindInput);
            _session.RunBound(_options, _binding);
            foreach (OnnxBuffer output in outputs)
                output.NoteWriting();
            return true;
        };
    }

    /// <summary>Runs the graph on the bound memory.</summary>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public void Run(CancellationToken cancellationToken) => _session.Guarded(_options, cancellationToken, _run);

    public void Dispose()
    {
        NativeCall.Release(_binding);
        NativeCall.Release(_options);
    }
}
