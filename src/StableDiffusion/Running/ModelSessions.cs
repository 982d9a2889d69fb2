using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>Opens the sessions of a model: of its graphs as they are, of graphs that are prepared for this processor, or of graphs whose operators are changed in memory. Thread-safe.</summary>
/// <param name="model">The model.</param>
internal sealed class ModelSessions(DiffusionModel model)
{
    private readonly List<OnnxSession> _opened = [];

    // The graphs of which was said why they are opened without their prepared form.
    private readonly HashSet<string> _explained = new(StringComparer.Ordinal);

    /// <summary>Whether one should be closed after its use: it keeps memory of a run that was stopped since it took too much, or engines that failed.</summary>
    public bool ShouldClose
    {
        get
        {
            lock (_opened)
                return _opened.Exists(static session => session.WasStoppedForMemory || session.HasFailedEngines);
        }
    }

    private string? Folder => model.PreparedFolder ?? model.CacheFolder;

    /// <summary>Opens a session.</summary>
    /// <param name="graph">The full path of the graph.</param>
    /// <param name="progress">Receives the progress of preparing the graph; may be null.</param>
    /// <param name="reordersLayout">Whether the weights are reordered for the processor.</param>
    /// <param name="merge">Computes weights in place of those of the graph; again, if the prepared graph cannot take them. Null for none.</param>
    /// <param name="plansMemory">Whether memory is planned for further runs of the same size.</param>
    /// <param name="isPrepared">Whether a graph that is prepared for this processor is kept for the next process.</param>
    /// <param name="tiling">The edges that meet.</param>
    /// <param name="attention">Receives the attention of the graph as outputs; null for none.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <returns>The session; dispose it after the last use.</returns>
    /// <exception cref="ModelInvalidException">The graph is damaged.</exception>
    /// <exception cref="InvalidSettingException">The graph cannot be changed, since another program exported it.</exception>
    /// <remarks>A graph whose edges meet, or that has its attention as outputs, is the part's own with other operators, made as it is opened: it is small, and the weights are used where they are.</remarks>
    public OnnxSession Open(
        string graph, Action<ProgressReport>? progress = null, bool reordersLayout = true, Func<ReplacedWeights?>? merge = null, bool plansMemory = true, bool isPrepared = true, Tiling tiling = Tiling.None, AttentionOutputs? attention = null, CancellationToken cancellationToken = default)
    {
        bool isPlain = tiling == Tiling.None && attention is null;
        ReplacedWeights? replaced = merge?.Invoke();
        OnnxSession session = (plansMemory && isPrepared && isPlain ? OpenPrepared() : null) ?? OpenWithEngines();
        lock (_opened)
            _opened.Add(session);
        if (session.RecordingFault is string fault)
            Report(ProgressReport.Finished("Opening the graph", graph, TimeSpan.Zero) with { Note = $"The graph '{graph}' runs without CUDA graphs: {fault}" });
        return session;

        OnnxSession OpenAsIs(EngineFolder? engines) =>
            OnnxSession.Open(graph, model.Device, reordersLayout, replaced, plansMemory, isPlain ? null : Change, engines: engines, cancellationToken: cancellationToken);

        // Every graph has its engines kept, since all of them take minutes. A part that is closed to save memory finds them again.
        // The graphs with LoRAs are files with contents of their own; what is changed in memory is a part of the key.
        OnnxSession OpenWithEngines() => Folder is not string folder ? OpenAsIs(engines: null) : new KeptEngines(folder).Open(
            graph, model.Device, $"{nameof(Tiling)} {tiling}, {nameof(attention)} {attention is not null}", OpenAsIs, Report, cancellationToken);

        OnnxSession? OpenPrepared()
        {
            if (Folder is not string folder || model.Device.Kind != DeviceKind.Cpu)
                return null;
            try
            {
                return new PreparedGraphs(folder).Open(graph, reordersLayout, replaced, Report, cancellationToken);
            }
            catch (ModelInvalidException) when (merge is not null)
            {
                replaced = merge();
                return null;
            }
        }

        void Report(ProgressReport report)
        {
            if (report.Note is not null && progress is not null)
            {
                lock (_opened)
                {
                    if (!_explained.Add(graph))
                        return;
                }
            }

            progress?.Invoke(report with { Detail = model.Info.Name });
        }

        void Change(ModelProto changed)
        {
            if (tiling != Tiling.None)
            {
                RequireTiling(graph);
                CircularPadding.Apply(changed.Graph, columns: tiling is Tiling.X or Tiling.Both, rows: tiling is Tiling.Y or Tiling.Both);
            }

            attention?.Apply(changed.Graph);
            if (attention?.Layers.Count == 0)
                throw new InvalidSettingException("Attention", $"Attention does not work with the model '{model.Info.Name}': no cross-attention was found in its graph '{graph}', which another program exported. Import the model from its weights, a single file or a diffusers folder of safetensors, or omit Attention.");
        }
    }

    /// <summary>Throws if the edges of images cannot meet with a graph.</summary>
    /// <param name="graph">Its full path.</param>
    /// <exception cref="InvalidSettingException">It is not this library's.</exception>
    public void RequireTiling(string graph)
    {
        if (!GraphFile.IsOwn(graph))
            throw new InvalidSettingException(nameof(Tiling), $"Tiling does not work with the model '{model.Info.Name}': another program exported its graph '{graph}'. Import the model from its weights, a single file or a diffusers folder of safetensors, or omit Tiling.");
    }

    /// <summary>Forgets the sessions that were closed.</summary>
    public void ForgetClosed()
    {
        lock (_opened)
            _opened.RemoveAll(static session => session.IsClosed);
    }
}
