using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Onnx;

/// <summary>A graph with memory bound to its inputs and outputs, to be run repeatedly. Not thread-safe.</summary>
internal sealed class OnnxCall : IDisposable
{
    private readonly OnnxSession _session;
    private readonly IDisposable? _binding;
    private readonly RunOptions _options;
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
        _options = OnnxSession.NewRunOptions();
        _run = () =>
        {
            using CardGate.Entry _ = CardGate.Enter(session.Device);
            inputs?.Refresh(binding.BindInput);
            session.RunBound(_options, binding);
            foreach (OnnxBuffer output in outputs)
                output.NoteWriting();
            return true;
        };
    }

    /// <summary>Initializes a call that runs otherwise.</summary>
    /// <param name="session">The graph.</param>
    /// <param name="options">The options of the runs; disposed with the call.</param>
    /// <param name="run">Runs the graph.</param>
    /// <param name="binding">What is disposed with the call; null for nothing.</param>
    internal OnnxCall(OnnxSession session, RunOptions options, Func<bool> run, IDisposable? binding) => (_session, _options, _run, _binding) = (session, options, run, binding);

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
