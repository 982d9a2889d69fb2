using System.Diagnostics;
using StableDiffusion.Adapters;
using StableDiffusion.Autoencoding;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Running;

/// <summary>
/// A model on a device. Each part is opened when a stage first needs it and then stays open, so that a second image does not
/// load anything. Parts can be used from several threads at once.
/// </summary>
public sealed class DiffusionModel : IDisposable
{
    /// <summary>
    /// Below this size in bytes, a U-Net's steps gain nothing from reordered weights, while opening it takes a third
    /// longer (the demo model: 285 against 215 ms, and 8.7 ms a step either way).
    /// </summary>
    private const long SmallestReorderedUNet = 256L << 20;

    /// <summary>The number of values of <see cref="Tiling"/>.</summary>
    internal const int Tilings = (int)Tiling.Both + 1;

    private const string TokenVectors = "embeddings.token_embedding.weight";

    private readonly SemaphoreSlim _gate = new(1);

    // The same model without adapters, whose parts are used where no adapter changes them; it belongs to the caller.
    private readonly DiffusionModel? _plain;
    private readonly SeparateVaes? _ownVaes;
    private readonly ControlNets? _ownControlNets;
    private readonly Lazy<UNetConfig?> _backbone;
    private readonly Lazy<VaeTraits> _vae;
    private readonly PartUses _uses = new();

    // The folders of graphs that the adapters changed, by part.
    private readonly Dictionary<string, RentedBuild> _adapted = new(StringComparer.Ordinal);
    private AdapterPlan? _plan;
    private TextEncoder? _textEncoder;

    // The other parts, by the edges of an image that meet.
    private readonly UNet?[] _unets = new UNet?[Tilings];
    private readonly UNet?[] _controlledUNets = new UNet?[Tilings];
    private readonly UNet?[] _outerUNets = new UNet?[Tilings * DeepFeatures.MostBranches];
    private readonly AttentionUNet?[] _attentionUNets = new AttentionUNet?[Tilings];
    private readonly AttentionUNet?[] _controlledAttentionUNets = new AttentionUNet?[Tilings];
    private readonly VaeEncoder?[] _vaeEncoders = new VaeEncoder?[Tilings];
    private readonly VaeDecoder?[] _vaeDecoders = new VaeDecoder?[Tilings];

    /// <summary>Initializes a model; only the index and the scheduler's config are read yet.</summary>
    /// <param name="info">The model.</param>
    /// <param name="device">The device that its parts run on.</param>
    /// <exception cref="ModelNotFoundException">The config is missing.</exception>
    /// <exception cref="ModelInvalidException">The config is damaged.</exception>
    internal DiffusionModel(ModelInfo info, Device device)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(device);
        Device = device;
        ComputesHalf = AdaptsFiles = device.Kind != DeviceKind.Cpu;
        ModelConfigs configs = ModelConfigs.Open(info.Path);
        Pipeline = configs.Pipeline;
        Family = configs.Family;
        Graphs = new ModelGraphs(info, Family);
        SchedulerConfig = configs.Scheduler;
        _ownVaes = new SeparateVaes(this);
        _ownControlNets = new ControlNets(this);
        _backbone = new Lazy<UNetConfig?>(() => Path.Combine(info.Path, Family.Backbone, ModelParts.Config) is var config && File.Exists(config) ? UNetConfig.Read(config) : null);
        _vae = new Lazy<VaeTraits>(() => ((string[])[ModelParts.VaeDecoder, ModelParts.Vae]).Select(part => Path.Combine(info.Path, part, ModelParts.Config)).FirstOrDefault(File.Exists) is string config ? VaeTraits.Of(VaeConfig.Read(config)) : VaeTraits.Of(VaeConfig.StableDiffusion));
        Weights = new WeightMemory(this);
        Sessions = new ModelSessions(this);
    }

    /// <summary>Initializes a model with adapters. Parts that they do not change are shared with the model without them.</summary>
    /// <param name="plain">The model without adapters; it is not disposed with this one, and must outlive it.</param>
    /// <param name="adapters">The adapters, at least one.</param>
    internal DiffusionModel(DiffusionModel plain, AdapterSet adapters)
    {
        ArgumentNullException.ThrowIfNull(plain);
        ArgumentNullException.ThrowIfNull(adapters);
        _plain = plain;
        Graphs = plain.Graphs;
        Device = plain.Device;
        ComputesHalf = plain.ComputesHalf;
        AdaptsFiles = plain.AdaptsFiles;
        Pipeline = plain.Pipeline;
        Family = plain.Family;
        SchedulerConfig = plain.SchedulerConfig;
        PreparedFolder = plain.PreparedFolder;
        LocateControlNet = plain.LocateControlNet;
        LocateVae = plain.LocateVae;
        _backbone = plain._backbone;
        _vae = plain._vae;
        Weights = plain.Weights;
        Sessions = new ModelSessions(this);
        Adapters = adapters;
    }

    /// <summary>The adapters of the model.</summary>
    public AdapterSet Adapters { get; } = AdapterSet.Empty;

    /// <summary>Information about the model.</summary>
    public ModelInfo Info => Graphs.Info;

    /// <summary>The device that its parts run on.</summary>
    public Device Device { get; }

    /// <summary>The model's own scheduler settings.</summary>
    internal SchedulerConfig SchedulerConfig { get; }

    /// <summary>Whether a half-precision model computes in 16-bit floats, which CPUs do not support.</summary>
    internal bool ComputesHalf { get; init; }

    /// <summary>Whether the changes of adapters are written to files, since graphics cards ignore weights in the CPU's memory.</summary>
    internal bool AdaptsFiles { get; init; }

    /// <summary>
    /// The full path of the folder for built graphs and remembered hashes. Null for none: then only folders of graphs can be
    /// opened, and all of their files are read to check them.
    /// </summary>
    internal string? CacheFolder
    {
        get => Graphs.CacheFolder;
        init => Graphs.CacheFolder = value;
    }

    /// <summary>Its graphs, which are those of the model without adapters.</summary>
    internal ModelGraphs Graphs { get; }

    /// <summary>The full path of the folder for graphs that are prepared for this processor; null for that of built graphs.</summary>
    internal string? PreparedFolder { get; init; }

    /// <summary>Its family.</summary>
    internal ModelFamily Family { get; }

    /// <summary>Finds the name and the full path of a ControlNet by its name or path. By default, only paths are supported.</summary>
    internal Func<string, (string Name, string Path)> LocateControlNet { get; init; } = static path => NameOrPath.Find(
        path, static _ => null, Path.Exists, static path => new ControlNetNotFoundException($"There is no ControlNet '{path}'. Give the path of its folder or file."));

    /// <summary>Finds the name and the full path of an autoencoder by its name or path. By default, only paths are supported.</summary>
    internal Func<string, (string Name, string Path)> LocateVae { get; init; } = static path => NameOrPath.Find(
        path, static _ => null, Path.Exists, static path => new VaeNotFoundException($"There is no VAE '{path}'. Give the path of its folder or file."));

    /// <summary>The autoencoders that are used in place of its own. Adapters do not change them.</summary>
    internal SeparateVaes Vaes => _plain?.Vaes ?? _ownVaes!;

    /// <summary>The ControlNets that are used with it. Adapters do not change them.</summary>
    internal ControlNets ControlNets => _plain?.ControlNets ?? _ownControlNets!;

    /// <summary>The configuration of its U-Net, read once; null for a single file, or one without it.</summary>
    /// <exception cref="ModelInvalidException">It is damaged.</exception>
    internal UNetConfig? BackboneConfig => _backbone.Value;

    /// <summary>What its own autoencoder says of itself, read once; that of Stable Diffusion if it says nothing.</summary>
    /// <exception cref="ModelInvalidException">Its configuration is damaged.</exception>
    internal VaeTraits VaeTraits => _vae.Value;

    /// <summary>The memory of its weights.</summary>
    internal WeightMemory Weights { get; }

    /// <summary>The prompts that it encoded. Adapters can change what it makes of them, and are in their records, so each set of them has its own.</summary>
    internal PromptCache Prompts { get; } = new();

    /// <summary>The number of values of the smallest latent for which both predictions of guidance did not fit into memory in one run.</summary>
    internal int SmallestInTwoRuns { get; set; } = int.MaxValue;

    /// <summary>The pipeline's config.</summary>
    internal PipelineConfig Pipeline { get; }

    /// <summary>Whether the model should be closed after its use: a part keeps memory of a run that was stopped since it took too much, or engines that failed.</summary>
    internal bool ShouldClose => Sessions.ShouldClose || _plain?.ShouldClose == true;

    /// <summary>The sessions of its own parts.</summary>
    internal ModelSessions Sessions { get; }

    /// <summary>Determines what the adapters change, before any part is opened.</summary>
    /// <param name="progress">Receives the progress of building a model that was not used before; may be null.</param>
    /// <param name="cancellationToken">Cancels the building.</param>
    /// <returns>A report for each adapter; none without adapters.</returns>
    /// <exception cref="AdapterNotFoundException">An adapter's file was not found.</exception>
    /// <exception cref="AdapterInvalidException">An adapter is damaged or does not fit the model.</exception>
    /// <exception cref="ModelNotFoundException">A file of the model is missing.</exception>
    /// <exception cref="ModelInvalidException">A file of the model is damaged, or contradicts another.</exception>
    public IReadOnlyList<AdapterReport> MatchAdapters(Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        if (Adapters.IsEmpty)
            return [];

        _gate.Wait(cancellationToken);
        try
        {
            return (_plan ??= AdapterPlan.Make(FindGraphs(progress, cancellationToken), Adapters, Info.Name)).Reports;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The hash of the model, whose graphs are built if it was not used before.</summary>
    /// <param name="progress">Receives the progress of building; may be null.</param>
    /// <param name="cancellationToken">Cancels the building.</param>
    /// <returns>The hash; null if the model has none.</returns>
    internal string? Identify(Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        _gate.Wait(cancellationToken);
        try
        {
            FindGraphs(progress, cancellationToken);
            return Info.Hash;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The text encoder, opened on first use.</summary>
    /// <param name="progress">Receives the progress of opening; may be null.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <returns>The part; it belongs to the model.</returns>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, or contradicts another.</exception>
    internal TextEncoder OpenTextEncoder(Action<ProgressReport>? progress, CancellationToken cancellationToken) => Shared(isText: true, progress, cancellationToken)?.OpenTextEncoder(progress, cancellationToken) ?? Open(
        ref _textEncoder,
        "the text encoder",
        graphs => Family.OpenTextEncoder(graphs, part => OpenGraph(graphs, part, progress, cancellationToken), Info.Name),
        progress,
        cancellationToken);

    /// <summary>Reads the table of token embeddings of a text encoder. Adapters do not change it.</summary>
    /// <param name="part">The name of the text encoder's folder.</param>
    /// <param name="progress">Receives the progress of building a model that was not used before; may be null.</param>
    /// <param name="cancellationToken">Cancels the building.</param>
    /// <returns>The table, [entries of the vocabulary, width].</returns>
    /// <exception cref="ModelInvalidException">The graph was written by another exporter, or is damaged.</exception>
    internal Tensor ReadTokenVectors(string part, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        _gate.Wait(cancellationToken);
        try
        {
            using GraphInitializers? weights = GraphInitializers.Open(GraphPath(FindGraphs(progress, cancellationToken), part));
            return weights?.Names.FirstOrDefault(static name => name.EndsWith(TokenVectors, StringComparison.Ordinal)) is string name && weights.ShapeOf(name) is [int entries, int width]
                ? new Tensor(weights.Read(name), entries, width)
                : throw new ModelInvalidException($"The text encoder of the model '{Info.Name}' is a graph of another exporter, whose token embeddings cannot be read. Import the model from its weights: a safetensors file or a diffusers folder.");
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The U-Net, opened on first use.</summary>
    /// <param name="progress">Receives the progress of opening; may be null.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <param name="tiling">The edges of the latent that meet.</param>
    /// <returns>The part; it belongs to the model.</returns>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, or contradicts another.</exception>
    /// <exception cref="InvalidSettingException">Edges are to meet, and the graphs are not this library's.</exception>
    internal UNet OpenUNet(Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None) => Shared(isText: false, progress, cancellationToken)?.OpenUNet(progress, cancellationToken, tiling) ?? Open(
        ref _unets[(int)tiling],
        "the U-Net",
        graphs => new UNet(OpenGraph(graphs, Family.Backbone, progress, cancellationToken, ReordersUNet(graphs), tiling)),
        progress,
        cancellationToken);

    /// <summary>The U-Net with inputs for the residuals of ControlNets, opened on first use. It has the same weights.</summary>
    /// <inheritdoc cref="OpenUNet"/>
    internal UNet OpenControlledUNet(Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None) => Shared(isText: false, progress, cancellationToken)?.OpenControlledUNet(progress, cancellationToken, tiling) ?? Open(
        ref _controlledUNets[(int)tiling],
        "the U-Net for ControlNets",
        graphs =>
        {
            string folder = Path.Combine(graphs, Family.Backbone);
            string graph = FindOptional(Path.Combine(folder, ModelParts.ControlGraph), "ControlNets");
            return new UNet(OpenFile(graph, Family.Backbone, progress, cancellationToken, ReordersUNet(graphs), tiling: tiling), UNetConfig.Read(Path.Combine(folder, ModelParts.Config)).SkipLevels);
        },
        progress,
        cancellationToken);

    /// <summary>The outer layers of the U-Net, opened on first use. They have the same weights.</summary>
    /// <param name="branch">The branch, from 0 for the fewest layers, below <see cref="DeepFeatures.MostBranches"/>.</param>
    /// <param name="progress">Receives the progress of opening; may be null.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <param name="tiling">The edges of the latent that meet.</param>
    /// <inheritdoc cref="OpenUNet"/>
    internal UNet OpenOuterUNet(int branch, Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None) => Shared(isText: false, progress, cancellationToken)?.OpenOuterUNet(branch, progress, cancellationToken, tiling) ?? Open(
        ref _outerUNets[((int)tiling * DeepFeatures.MostBranches) + branch],
        "the outer layers of the U-Net",
        graphs => new UNet(OpenFile(
            FindOptional(GraphPath(graphs, Family.Backbone, ModelParts.OuterGraph(branch)), "FeatureReuse"), Family.Backbone, progress, cancellationToken, ReordersUNet(graphs), isPrepared: false, tiling)),
        progress,
        cancellationToken);

    /// <summary>The cross-attention of the U-Net, opened on first use. It has the same weights.</summary>
    /// <param name="isControlled">Whether it has inputs for the residuals of ControlNets.</param>
    /// <param name="progress">Receives the progress of opening; may be null.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <param name="tiling">The edges of the latent that meet.</param>
    /// <exception cref="InvalidSettingException">The graph has no cross-attention of a known form, or edges are to meet and it is not this library's.</exception>
    /// <inheritdoc cref="OpenUNet"/>
    internal AttentionUNet OpenAttentionUNet(bool isControlled, Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None) => Shared(isText: false, progress, cancellationToken)?.OpenAttentionUNet(isControlled, progress, cancellationToken, tiling) ?? Open(
        ref (isControlled ? _controlledAttentionUNets : _attentionUNets)[(int)tiling],
        "the cross-attention of the U-Net",
        graphs =>
        {
            string graph = isControlled ? FindOptional(Path.Combine(graphs, Family.Backbone, ModelParts.ControlGraph), "ControlNets") : GraphPath(graphs, Family.Backbone);
            AttentionOutputs outputs = new();
            return new AttentionUNet(OpenFile(graph, Family.Backbone, progress, cancellationToken, ReordersUNet(graphs), tiling: tiling, attention: outputs), outputs.Layers);
        },
        progress,
        cancellationToken);

    /// <summary>The VAE encoder, opened on first use.</summary>
    /// <inheritdoc cref="OpenUNet"/>
    internal VaeEncoder OpenVaeEncoder(Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None) => _plain?.OpenVaeEncoder(progress, cancellationToken, tiling) ?? Open(
        ref _vaeEncoders[(int)tiling],
        "the VAE encoder",
        graphs => new VaeEncoder(OpenVae(graphs, ModelParts.VaeEncoder, progress, cancellationToken, tiling), ReadScaling(graphs, ModelParts.VaeEncoder), FullGraph(graphs, ModelParts.VaeEncoder, tiling)),
        progress,
        cancellationToken);

    /// <summary>The VAE decoder, opened on first use.</summary>
    /// <inheritdoc cref="OpenUNet"/>
    internal VaeDecoder OpenVaeDecoder(Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling = Tiling.None) => _plain?.OpenVaeDecoder(progress, cancellationToken, tiling) ?? Open(
        ref _vaeDecoders[(int)tiling],
        "the VAE decoder",
        graphs => new VaeDecoder(OpenVae(graphs, ModelParts.VaeDecoder, progress, cancellationToken, tiling), ReadScaling(graphs, ModelParts.VaeDecoder), Info.LatentFactor, FullGraph(graphs, ModelParts.VaeDecoder, tiling)),
        progress,
        cancellationToken);

    /// <summary>Keeps a part from being closed by <see cref="CloseUnused"/> while it is used. Begin before the part is opened.</summary>
    /// <param name="part">The part.</param>
    /// <returns>Dispose it after the use.</returns>
    internal IDisposable Use(ModelPart part) => _plain is null ? _uses.Begin(part) : new TwoUses(_uses.Begin(part), _plain.Use(part));

    /// <summary>Closes the parts that nobody uses, so that their memory is free. They are opened again when they are needed.</summary>
    /// <param name="cancellationToken">Cancels the waiting for a part that is being opened.</param>
    /// <returns>The parts that were open.</returns>
    internal IReadOnlyList<ModelPart> CloseUnused(CancellationToken cancellationToken)
    {
        List<(ModelPart Part, IDisposable Opened)> closed = [];
        _gate.Wait(cancellationToken);
        try
        {
            _uses.TakeUnused(part => closed.AddRange(Take(part).Select(opened => (part, opened))));
            foreach ((_, IDisposable opened) in closed)
                opened.Dispose();
            Sessions.ForgetClosed();
        }
        finally
        {
            _gate.Release();
        }

        return [.. closed.Select(static item => item.Part).Concat(_plain?.CloseUnused(cancellationToken) ?? []).Distinct()];
    }

    /// <summary>Closes every part that is open.</summary>
    public void Dispose()
    {
        foreach (IDisposable opened in Enum.GetValues<ModelPart>().SelectMany(Take))
            opened.Dispose();
        foreach (RentedBuild adapted in _adapted.Values)
            adapted.Dispose();
        _ownControlNets?.Dispose();
        _ownVaes?.Dispose();
        if (_plain is null)
            Graphs.Dispose();
        _gate.Dispose();
    }

    /// <summary>Forgets a part, and returns what is to be disposed of it.</summary>
    private IDisposable[] Take(ModelPart part)
    {
        IDisposable?[] taken = part switch
        {
            ModelPart.TextEncoder => [Interlocked.Exchange(ref _textEncoder, null)],
            ModelPart.VaeEncoder => TakeAll(_vaeEncoders),
            ModelPart.VaeDecoder => TakeAll(_vaeDecoders),
            _ => [.. TakeAll(_unets), .. TakeAll(_controlledUNets), .. TakeAll(_outerUNets), .. TakeAll(_attentionUNets), .. TakeAll(_controlledAttentionUNets), .. _ownControlNets?.TakeAll() ?? []],
        };
        return [.. taken.OfType<IDisposable>()];

        static IDisposable?[] TakeAll<T>(T?[] parts)
            where T : class, IDisposable
        {
            IDisposable?[] all = [.. parts];
            Array.Clear(parts);
            return all;
        }
    }

    /// <summary>The model whose part is shared, or null if this model has its own part.</summary>
    private DiffusionModel? Shared(bool isText, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        MatchAdapters(progress, cancellationToken);
        return _plan?.Changes(isText) == true ? null : _plain;
    }

    private T Open<T>(ref T? part, string name, Func<string, T> open, Action<ProgressReport>? progress, CancellationToken cancellationToken)
        where T : class
    {
        if (Volatile.Read(ref part) is T opened)
            return opened;

        _gate.Wait(cancellationToken);
        try
        {
            if (part is not null)
                return part;

            long start = Stopwatch.GetTimestamp();
            T made = OpenChecked(open, progress, cancellationToken);
            progress?.Invoke(ProgressReport.Finished($"Opening {name}", Info.Name, Stopwatch.GetElapsedTime(start)));
            Volatile.Write(ref part, made);
            return made;
        }
        finally
        {
            _gate.Release();
        }
    }

    private T OpenChecked<T>(Func<string, T> open, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        string graphs = FindGraphs(progress, cancellationToken);
        try
        {
            return open(graphs);
        }
        catch (Exception error) when (error is DiffusionException or IOException && !Graphs.IsWhole(graphs))
        {
            // They were lost after they were checked.
            return open(FindGraphs(progress, cancellationToken));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The model '{Info.Name}' cannot be opened: {Sentence.Of(error)}", error);
        }
        catch (Exception error) when (error is ModelInvalidException or ModelNotFoundException)
        {
            DiscardGraphs(error);
            throw;
        }
    }

    /// <summary>Deletes the graphs that were built for a model that turned out not to work, so that not every attempt leaves some.</summary>
    /// <param name="error">The error; if there was not enough memory, the graphs are kept, since the model may be good.</param>
    internal void DiscardGraphs(Exception error)
    {
        if (_plain is null && !OnnxFault.IsMemory(error.InnerException))
            Graphs.Discard();
    }

    /// <summary>The folder of the graphs, found without reading the weights; null if they are not built.</summary>
    /// <param name="cancellationToken">Cancels it.</param>
    internal string? FindBuilt(CancellationToken cancellationToken) => Graphs.FindBuilt(cancellationToken);

    /// <summary>
    /// The folder of the graphs, which are checked and built once for the model with and without adapters. Before each part is
    /// opened, its files must still have their lengths: graphs in the cache that were lost are built again.
    /// </summary>
    private string FindGraphs(Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        if (_plain is null)
            return Graphs.Find(progress, cancellationToken);

        _plain._gate.Wait(cancellationToken);
        try
        {
            return Graphs.Find(progress, cancellationToken);
        }
        finally
        {
            _plain._gate.Release();
        }
    }

    /// <summary>Finds a graph that not every model has.</summary>
    /// <param name="graph">Its full path.</param>
    /// <param name="feature">What it is for.</param>
    /// <exception cref="ModelInvalidException">The model does not have it.</exception>
    private string FindOptional(string graph, string feature)
    {
        if (File.Exists(graph))
            return graph;

        // It works without that.
        if (_plain is null)
            Graphs.Keep();
        throw new ModelInvalidException($"The U-Net of the model '{Info.Name}' does not support {feature}: its folder '{Path.GetDirectoryName(graph)}' has no '{Path.GetFileName(graph)}'. Import the model from its weights, a single file or a diffusers folder of safetensors, with this version, in full or half precision.");
    }

    private OnnxSession OpenGraph(string graphs, string part, Action<ProgressReport>? progress, CancellationToken cancellationToken, bool reordersLayout = true, Tiling tiling = Tiling.None) =>
        OpenFile(GraphPath(graphs, part), part, progress, cancellationToken, reordersLayout, tiling: tiling);

    private OnnxSession OpenFile(string graph, string part, Action<ProgressReport>? progress, CancellationToken cancellationToken, bool reordersLayout, bool isPrepared = true, Tiling tiling = Tiling.None, AttentionOutputs? attention = null)
    {
        if (_plan?.ChangesPart(part) != true)
            return Sessions.Open(graph, progress, reordersLayout, isPrepared: isPrepared, tiling: tiling, attention: attention, cancellationToken: cancellationToken);
        if (!AdaptsFiles && !_plan.IsQuantized(part))
            return Sessions.Open(graph, progress, reordersLayout, () => _plan.Merge(part, graph, cancellationToken), isPrepared: isPrepared, tiling: tiling, attention: attention, cancellationToken: cancellationToken);

        if (!_adapted.TryGetValue(part, out RentedBuild? adapted))
        {
            string cache = PreparedFolder ?? Graphs.RequiredCache;
            adapted = new AdaptedGraphs(cache).Rent(Path.GetDirectoryName(graph)!, _plan, Adapters, report => progress?.Invoke(report with { Detail = Info.Name }), cancellationToken);
            _adapted.Add(part, adapted);
        }

        return Sessions.Open(Path.Combine(adapted.Folder, Path.GetFileName(graph)), progress, reordersLayout, isPrepared: false, tiling: tiling, attention: attention, cancellationToken: cancellationToken);
    }

    /// <summary>Opens a half of an autoencoder. An image takes one run of it, for which nothing is worth keeping.</summary>
    /// <param name="graphs">The folder of the graphs.</param>
    /// <param name="part">The name of the half.</param>
    /// <param name="progress">Receives the progress of opening; may be null.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <param name="tiling">The edges that meet.</param>
    internal OnnxSession OpenVae(string graphs, string part, Action<ProgressReport>? progress, CancellationToken cancellationToken, Tiling tiling) =>
        Sessions.Open(GraphPath(graphs, part), progress, plansMemory: false, tiling: tiling, cancellationToken: cancellationToken);

    /// <summary>Throws if the edges of images cannot meet with this model, as far as that is known before its graphs are built.</summary>
    /// <exception cref="InvalidSettingException">Its graphs are not this library's.</exception>
    internal void CheckTiling()
    {
        string graph = Path.Combine(Info.Path, Family.Backbone, ModelParts.Graph);
        if (File.Exists(graph))
            Sessions.RequireTiling(graph);
    }

    private bool ReordersUNet(string graphs) =>
        new DirectoryInfo(Path.Combine(graphs, Family.Backbone)).EnumerateFiles().Sum(file => file.Length) >= SmallestReorderedUNet;

    private string GraphPath(string graphs, string part, string graph = ModelParts.Graph) => ComputesHalf ? Path.Combine(graphs, part, graph) : FullPath(graphs, part, graph);

    private static string FullPath(string graphs, string part, string graph = ModelParts.Graph)
    {
        string full = Path.Combine(graphs, part, ModelParts.FullOf(graph));
        return File.Exists(full) ? full : Path.Combine(graphs, part, graph);
    }

    /// <summary>The graph to use if another one overflows; null if that one computes in full precision itself.</summary>
    private FullPrecisionGraph? FullGraph(string graphs, string part, Tiling tiling)
    {
        string full = FullPath(graphs, part);
        return ComputesHalf && full != GraphPath(graphs, part) ? new FullPrecisionGraph(() => Sessions.Open(full, plansMemory: false, tiling: tiling)) : null;
    }

    private static LatentScaling ReadScaling(string graphs, string part)
    {
        string config = Path.Combine(graphs, part, ModelParts.Config);
        return new((File.Exists(config) ? VaeConfig.Read(config) : VaeConfig.StableDiffusion).ScalingFactor);
    }

    private sealed class TwoUses(IDisposable first, IDisposable second) : IDisposable
    {
        public void Dispose()
        {
            first.Dispose();
            second.Dispose();
        }
    }
}
