using StableDiffusion.Families;
using StableDiffusion.Families.Keys;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Adapters;

/// <summary>The changes of a set of adapters to the layers of a model's graphs. Each is computed from the original weight, and all are added to it.</summary>
internal sealed class AdapterPlan
{
    // Each has the change of a layer in memory, and more would wait for the memory most of the time.
    private const int MostThreads = 8;

    private static readonly string[] s_parts = [.. ModelFamily.AllBackbones, .. ModelFamily.AllEncoderSuffixes.Select(static suffix => ModelParts.TextEncoder + suffix)];

    private readonly string _graphs;
    private readonly AdapterSet _set;
    private readonly int? _threads;

    // The paths of the layers, with underscores in place of dots, and the strengths, by the adapter and the layer's name in the file.
    private readonly Dictionary<(int Lora, string Module), (string Part, string Layer, double Strength)> _matches = [];

    private readonly HashSet<string> _quantized = new(StringComparer.Ordinal);

    private AdapterPlan(string graphs, AdapterSet set, string model, int? threads)
    {
        _graphs = graphs;
        _set = set;
        _threads = threads;
        Dictionary<string, GraphInitializers> parts = new(StringComparer.Ordinal);
        try
        {
            Dictionary<string, LayerNames> names = new(StringComparer.Ordinal);
            foreach (string part in s_parts.Where(part => Directory.Exists(Path.Combine(graphs, part))))
            {
                GraphInitializers initializers = OpenPart(part, model);
                parts.Add(part, initializers);
                IReadOnlyDictionary<string, AdaptableLayer> layers = AdaptableLayer.ListOf(initializers);
                if (layers.Values.Any(static layer => layer.IsQuantized))
                    _quantized.Add(part);
                names.Add(part, new LayerNames(layers));
            }

            Reports = [.. set.Loras.Select((lora, index) => Match(index, lora, names, model))];
        }
        finally
        {
            foreach (GraphInitializers initializers in parts.Values)
                initializers.Dispose();
        }
    }

    /// <summary>The report of each adapter, in the order of the set.</summary>
    public IReadOnlyList<AdapterReport> Reports { get; }

    /// <summary>Matches adapters with a model; no weights are read yet.</summary>
    /// <param name="graphs">The folder of the model's graphs.</param>
    /// <param name="set">The adapters.</param>
    /// <param name="model">The model's name, for messages.</param>
    /// <param name="threads">How many layers are computed at a time; null for as many as the device has threads. The results are the same.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="AdapterNotFoundException">A file was not found.</exception>
    /// <exception cref="AdapterInvalidException">A file is not an adapter or is damaged, none of it fits the model, or a shape does not match; or the model's weights cannot be changed.</exception>
    public static AdapterPlan Make(string graphs, AdapterSet set, string model, int? threads = null) => new(graphs, set, model, threads);

    /// <summary>Whether the text encoders or the U-Net are changed.</summary>
    /// <param name="isText">True for the text encoders, false for the U-Net.</param>
    public bool Changes(bool isText) => _matches.Any(match => ModelFamily.AllBackbones.Contains(match.Value.Part) != isText && match.Value.Strength != 0);

    /// <summary>Whether a part is changed.</summary>
    /// <param name="part">The name of the part's folder.</param>
    public bool ChangesPart(string part) => _matches.Any(match => match.Value.Part == part && match.Value.Strength != 0);

    /// <summary>Whether a part has weights in integers, which are quantized again when they are changed.</summary>
    /// <param name="part">The name of the part's folder.</param>
    public bool IsQuantized(string part) => _quantized.Contains(part);

    /// <summary>Computes the changed weights of a part.</summary>
    /// <param name="part">The name of the part's folder.</param>
    /// <param name="graph">The full path of the graph to open; a part may have several graphs with the same weights.</param>
    /// <param name="cancellationToken">Cancels between two rows of a weight.</param>
    /// <returns>The weights as the graph stores them; null if none is changed.</returns>
    public ReplacedWeights? Merge(string part, string graph, CancellationToken cancellationToken)
    {
        using GraphInitializers initializers = OpenGraph(graph, part);
        ReplacedWeights? replaced = null;
        try
        {
            Compute(part, AdaptableLayer.ListOf(initializers), names => (replaced = new ReplacedWeights(initializers.OptimizersToLeaveOut(names))).Add, cancellationToken);
            return replaced;
        }
        catch
        {
            replaced?.Dispose();
            throw;
        }
    }

    /// <summary>Writes all graphs of a part with changed weights.</summary>
    /// <param name="part">The name of the part's folder.</param>
    /// <param name="folder">The full path of the new folder, which exists and is empty.</param>
    /// <param name="cancellationToken">Cancels between two rows of a weight.</param>
    public void Write(string part, string folder, CancellationToken cancellationToken)
    {
        using GraphInitializers initializers = OpenGraph(Path.Combine(_graphs, part, ModelParts.Graph), part);
        IReadOnlyDictionary<string, AdaptableLayer> layers = AdaptableLayer.ListOf(initializers);
        using GraphPatch patch = new(initializers, folder);
        Compute(part, layers, _ => patch.Write, cancellationToken);
        Dictionary<string, string> biases = new(StringComparer.Ordinal);
        foreach (AdaptableLayer layer in layers.Values.Where(static layer => layer.Names(isBias: true).Count > 0))
        {
            foreach ((string weight, string bias) in layer.Names(isBias: false).Zip(layer.Names(isBias: true)))
                biases[weight] = bias;
        }

        patch.Save(biases.GetValueOrDefault);
    }

    /// <summary>Computes the changed weights of a graph.</summary>
    /// <param name="part">The name of the part's folder.</param>
    /// <param name="layers">The layers of the graph; one of the outer layers has some of those of the part.</param>
    /// <param name="begin">Gets the names of the weights that are changed, before they are read, and returns what receives them.</param>
    /// <param name="cancellationToken">Cancels between two rows of a weight.</param>
    private void Compute(string part, IReadOnlyDictionary<string, AdaptableLayer> layers, Func<IReadOnlySet<string>, WeightWriter> begin, CancellationToken cancellationToken)
    {
        (int Lora, string Module, string Layer, double Strength)[] changes =
        [
            .. _matches.Where(match => match.Value.Part == part && match.Value.Strength != 0 && layers.ContainsKey(match.Value.Layer))
                .Select(match => (match.Key.Lora, match.Key.Module, match.Value.Layer, match.Value.Strength)),
        ];
        if (changes.Length == 0)
            return;

        LoraFile?[] files = new LoraFile?[_set.Loras.Count];
        try
        {
            foreach (int lora in changes.Select(change => change.Lora).Distinct())
                files[lora] = LoraFile.Open(_set.Loras[lora].Path);
            Dictionary<(int, string), LoraLayer> modules = files
                .SelectMany((file, index) => file?.Layers.Select(layer => (Key: (index, layer.Key.Module), layer)) ?? [])
                .ToDictionary(entry => entry.Key, entry => entry.layer);

            Dictionary<string, List<(LoraFile File, LoraLayer Layer, double Strength)>> byLayer = new(StringComparer.Ordinal);
            foreach ((int lora, string module, string layer, double strength) in changes)
            {
                if (!byLayer.TryGetValue(layer, out List<(LoraFile, LoraLayer, double)>? list))
                    byLayer.Add(layer, list = []);
                list.Add((files[lora]!, modules[(lora, module)], strength));
            }

            WeightWriter write = begin(byLayer.SelectMany(entry => NamesOf(layers[entry.Key], entry.Value)).ToHashSet(StringComparer.Ordinal));
            OrderedWork.Run([.. byLayer], _threads ?? Math.Min(ThreadCount.Current, MostThreads), layer => Merge(layers[layer.Key], layer.Value, write, cancellationToken), cancellationToken);
        }
        finally
        {
            foreach (LoraFile? file in files)
                file?.Dispose();
        }
    }

    private static IEnumerable<string> NamesOf(AdaptableLayer layer, List<(LoraFile File, LoraLayer Layer, double Strength)> changes) =>
        (changes.Exists(change => change.Layer.Change is not null) ? layer.Names(isBias: false) : [])
            .Concat(changes.Exists(change => change.Layer.BiasChange is not null) ? layer.Names(isBias: true) : []);

    private static void Merge(AdaptableLayer layer, List<(LoraFile File, LoraLayer Layer, double Strength)> changes, WeightWriter write, CancellationToken cancellationToken)
    {
        Lazy<float[]> original = new(layer.ReadWeight);
        Add(isBias: false, changes.Where(static change => change.Layer.Change is not null).Select(change => change.Layer.Compute(change.File.File, layer, original, change.Strength, cancellationToken)));
        Add(isBias: true, changes.Where(static change => change.Layer.BiasChange is not null).Select(change => change.Layer.ComputeBias(change.File.File, layer, change.Strength)));

        void Add(bool isBias, IEnumerable<float[]> parts)
        {
            float[]? sum = null;
            foreach (float[] part in parts)
            {
                if (sum is null)
                    sum = part;
                else
                    TensorPrimitives.Add(sum, part, sum);
            }

            if (sum is not null)
                layer.Add(isBias, sum, write);
        }
    }

    private static double StrengthOf(Lora lora, string part, AdaptableLayer layer, LayerNames names)
    {
        double strength = ModelFamily.AllBackbones.Contains(part) ? lora.Strength : lora.TextEncoderStrength ?? lora.Strength;
        return strength * (lora.BlockWeights?.For(part, layer.Path, names.Keys) ?? 1);
    }

    private GraphInitializers OpenPart(string part, string model) => OpenGraph(Path.Combine(_graphs, part, ModelParts.Graph), model);

    private static GraphInitializers OpenGraph(string graph, string model) => GraphInitializers.Open(graph)
        ?? throw new AdapterInvalidException($"The model '{model}' is a folder of graphs of another exporter, whose weights cannot be found by name. A LoRA needs a model that was imported from its weights: a safetensors file or a diffusers folder.");

    private AdapterReport Match(int index, Lora lora, IReadOnlyDictionary<string, LayerNames> parts, string model)
    {
        using LoraFile file = LoraFile.Open(lora.Path);
        Dictionary<AdaptableLayer, string> changed = [];
        List<AdapterKey> keys = [.. file.UnknownTensors.Select(static name => new AdapterKey(name, null, "unknown", AdapterKeyState.Unmatched))];
        foreach (LoraLayer layer in file.Layers)
        {
            bool isReadable = layer.Change is not null || layer.BiasChange is not null;
            LayerNames? names = isReadable && layer.Key.Part is { } part ? parts.GetValueOrDefault(part) : null;
            if (names?.Find(layer.Key.Path) is not { } target)
            {
                keys.Add(new AdapterKey(layer.Key.Module, null, isReadable ? layer.Kind : "incomplete", AdapterKeyState.Unmatched));
                continue;
            }

            if (!changed.TryAdd(target, layer.Key.Module))
                throw new AdapterInvalidException($"The LoRA '{lora.Path}' is damaged: it changes the layer '{target.Path}' under two names, '{changed[target]}' and '{layer.Key.Module}'. Get the file again.");
            CheckShape(file, lora, layer, target, model);
            double strength = StrengthOf(lora, layer.Key.Part!, target, names);
            _matches.Add((index, layer.Key.Module), (layer.Key.Part!, target.Path.Replace('.', '_'), strength));
            keys.Add(new AdapterKey(
                layer.Key.Module,
                $"{layer.Key.Part}/{target.Path}",
                layer.Kind,
                strength == 0 ? AdapterKeyState.Skipped : AdapterKeyState.Applied));
        }

        return keys.Exists(key => key.State != AdapterKeyState.Unmatched)
            ? new AdapterReport(lora, keys)
            : throw new AdapterInvalidException(
                $"The LoRA '{lora.Path}' does not fit the model '{model}': the model has none of its {keys.Count} layers, such as '{keys[0].Name}'.{Hint(file)} Use a LoRA that was made for this model's family.");
    }

    private static void CheckShape(LoraFile file, Lora lora, LoraLayer layer, AdaptableLayer target, string model)
    {
        try
        {
            layer.Check(target);
        }
        catch (AdapterInvalidException error)
        {
            throw new AdapterInvalidException($"The LoRA '{lora.Path}' does not fit the model '{model}': {error.Message}.{Hint(file)} Use a LoRA that was made for this model's family.", error);
        }
    }

    private static string Hint(LoraFile file) => file.GuessFamily() is string family ? $" It looks like one for {family}." : string.Empty;

    /// <summary>The layers of a part by all paths that files use for them.</summary>
    private sealed class LayerNames(IReadOnlyDictionary<string, AdaptableLayer> layers)
    {
        private const string OldOutput = "to_out";

        // The names of the text encoders' projections in diffusers' first LoRAs.
        private static readonly (string Old, string New)[] s_oldText = [("_to_q", "_q_proj"), ("_to_k", "_k_proj"), ("_to_v", "_v_proj"), ("_to_out", "_out_proj")];

        private readonly LdmPaths _ldm = new(LayersPerBlock(layers));

        /// <summary>The names of the U-Net, if the part is one.</summary>
        public UNetKeys Keys { get; } = UNetKeys.OfLayers(LayersPerBlock(layers));

        public AdaptableLayer? Find(string path)
        {
            if (layers.TryGetValue(path, out AdaptableLayer? layer))
                return layer;
            if (path.EndsWith(OldOutput, StringComparison.Ordinal) && layers.TryGetValue($"{path}_0", out layer))
                return layer;
            foreach ((string old, string now) in s_oldText)
            {
                if (path.EndsWith(old, StringComparison.Ordinal) && layers.TryGetValue(path[..^old.Length] + now, out layer))
                    return layer;
            }

            return _ldm.ToDiffusers(path) is string translated ? layers.GetValueOrDefault(translated) : null;
        }

        private static int LayersPerBlock(IReadOnlyDictionary<string, AdaptableLayer> layers) =>
            layers.Keys.Count(static path => path.StartsWith("down_blocks_0_resnets_", StringComparison.Ordinal) && path.EndsWith("_conv1", StringComparison.Ordinal));
    }
}
