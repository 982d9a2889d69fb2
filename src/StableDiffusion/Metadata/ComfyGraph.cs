using System.Globalization;
using System.Text.Json;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>
/// Reads the metadata of ComfyUI: the graph of nodes that made the image (its <c>prompt</c>). It is followed from the node
/// that saves the image back to the first sampler, and from there to prompts, seed, size and model.
/// </summary>
internal sealed class ComfyGraph
{
    // Far more than graphs have in practice; the limit protects against files that are made to be slow to read.
    private const int MaxNodes = 5000;
    private const int MaxLinks = 50_000;

    // Each pass of a sampler over the same image is a search of its own.
    private const int MaxPasses = 20;

    // A value is looked up from many nodes; without a limit, a long chain would be followed from each of its nodes.
    private const int LongestChain = 100;

    // The names of the value in nodes that only hold a text or a number.
    private static readonly string[] s_valueNames = ["value", "text", "string", "prompt", "seed", "noise_seed", "int", "float", "number", "ckpt_name"];

    // The conditioning inputs of nodes that change a conditioning; if there are several, the first is used.
    private static readonly string[] s_conditioningNames = ["conditioning", "conditioning_1", "conditioning_to", "positive"];

    private static readonly Dictionary<string, string> s_samplerNodes = new(StringComparer.Ordinal)
    {
        ["SamplerEulerAncestral"] = "euler_ancestral",
        ["SamplerDPMPP_2M_SDE"] = "dpmpp_2m_sde",
        ["SamplerDPMPP_3M_SDE"] = "dpmpp_3m_sde",
        ["SamplerDPMPP_SDE"] = "dpmpp_sde",
        ["SamplerDPMPP_2S_Ancestral"] = "dpmpp_2s_ancestral",
        ["SamplerLMS"] = "lms",
    };

    private static readonly Dictionary<string, string> s_scheduleNodes = new(StringComparer.Ordinal)
    {
        ["KarrasScheduler"] = "karras",
        ["ExponentialScheduler"] = "exponential",
        ["PolyexponentialScheduler"] = "polyexponential",
        ["BetaSamplingScheduler"] = "beta",
        ["AlignYourStepsScheduler"] = "align_your_steps",
        ["SDTurboScheduler"] = "turbo",
    };

    private readonly OrderedDictionary<string, ComfyNode> _nodes = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, string> _settings = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _leftOut = new(StringComparer.Ordinal);
    private readonly ICollection<string> _warnings;
    private readonly CancellationToken _cancellationToken;

    private ComfyGraph(JsonElement root, ICollection<string> warnings, CancellationToken cancellationToken)
    {
        _warnings = warnings;
        _cancellationToken = cancellationToken;
        foreach ((string id, JsonElement node) in JsonText.Members(root))
        {
            OrderedDictionary<string, JsonElement> members = JsonText.Members(node);
            if (members.TryGetValue("class_type", out JsonElement type) && JsonText.Text(type) is string name
                && members.TryGetValue("inputs", out JsonElement inputs) && inputs.ValueKind == JsonValueKind.Object)
            {
                _nodes[id] = new ComfyNode(id, name, JsonText.Members(inputs));
            }
        }
    }

    /// <summary>Reads a graph.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="warnings">Receives warnings about what is not supported.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The metadata; null if the text is not a graph.</returns>
    public static ImageMetadata? Read(string text, ICollection<string> warnings, CancellationToken cancellationToken)
    {
        using JsonDocument? document = JsonText.ParseObject(text, cancellationToken);
        if (document is null)
            return null;

        ComfyGraph graph = new(document.RootElement, warnings, cancellationToken);
        if (graph._nodes.Count <= MaxNodes && graph._nodes.Values.Sum(static node => (long)node.Sources.Count) <= MaxLinks)
            return graph._nodes.Count == 0 ? null : graph.Read();

        warnings.Add($"The graph of ComfyUI has more nodes or links than the limits ({MaxNodes} and {MaxLinks}).");
        return new ImageMetadata(MetadataSource.ComfyUI);
    }

    private static bool IsSampler(ComfyNode node) => node.Has("latent_image") && (node.Has("positive") || node.Has("guider"));

    private ImageMetadata Read()
    {
        if (FindFirstSampler() is not ComfyNode sampler)
        {
            _warnings.Add("The graph of ComfyUI has no known sampler; nothing was read from it.");
            return new ImageMetadata(MetadataSource.ComfyUI);
        }

        // Newer graphs split the sampler into several nodes.
        ComfyNode guider = Follow(sampler, "guider") ?? sampler;
        ComfyNode sigmas = FollowWhile(sampler, "sigmas", node => !node.Has("steps")) ?? sampler;
        ComfyNode noise = Follow(sampler, "noise") ?? sampler;

        string? prompt = ReadPrompt(guider, guider.Has("positive") ? "positive" : "conditioning", "positive");
        string? negativePrompt = guider.Has("negative") ? ReadPrompt(guider, "negative", "negative") : "";
        Keep("seed", Value(noise, "noise_seed") ?? Value(noise, "seed"));
        Keep("steps", Value(sigmas, "steps"));
        Keep("cfg", Value(guider, "cfg"));
        Keep("sampler_name", SamplerName(sampler));
        Keep("scheduler", Value(sigmas, "scheduler") ?? s_scheduleNodes.GetValueOrDefault(sigmas.Type));
        Keep("denoise", Value(sigmas, "denoise"));
        bool isFromPicture = ReadLatent(sampler);
        int? clipSkip = ReadModel(sampler, guider, sigmas);
        WarnOfParts(sampler);

        SettingReader reader = new(_settings, _warnings);
        (string? scheduler, _, Dictionary<string, object?>? schedulerOptions) = reader.Text("sampler_name") is string name
            ? SamplerNames.Resolve(name, reader.Text("scheduler"), isKDiffusion: true, _warnings)
            : default;
        double? denoise = reader.Number("denoise", maximum: 1);
        GenerationInfo info = new()
        {
            Prompt = prompt,
            NegativePrompt = negativePrompt,
            Seed = reader.Seed("seed"),
            Steps = reader.Count("steps"),
            Scheduler = scheduler,
            SchedulerOptions = SchedulerOptionText.Write(schedulerOptions),
            ClipSkip = clipSkip,
            PromptSyntax = "ComfyUI",
            GuidanceScale = reader.Number("cfg"),
            Width = reader.Count("width"),
            Height = reader.Count("height"),
            Model = reader.Text("ckpt_name") ?? reader.Text("unet_name"),
            Strength = isFromPicture || denoise < 1 ? denoise ?? 1 : null,
        };
        if (isFromPicture)
            _warnings.Add("The image was made from another image, which the file does not contain. Give that image to make it again.");
        if (reader.Count("batch_size") > 1)
            _warnings.Add("The image is one of a batch, whose noise ComfyUI draws at once; the file does not contain its index.");
        if (_leftOut.Count > 0)
            _warnings.Add($"These nodes of ComfyUI are not supported and were ignored: {string.Join(", ", _leftOut)}.");

        return new ImageMetadata(MetadataSource.ComfyUI, info, info.Seed is null ? null : "TorchCpu") { Settings = _settings };
    }

    /// <summary>The first sampler before the node that saves: the one whose latent does not come from another sampler.</summary>
    private ComfyNode? FindFirstSampler()
    {
        HashSet<string> used = [.. _nodes.Values.SelectMany(node => node.Sources)];
        IEnumerable<ComfyNode> ends = _nodes.Values.Where(node => !used.Contains(node.Id))
            .OrderByDescending(node => node.Type.StartsWith("SaveImage", StringComparison.Ordinal))
            .ThenByDescending(node => node.Type.Contains("Save", StringComparison.Ordinal));

        // A node that one end leads to without a sampler does not lead to one from another end.
        HashSet<string> seen = [];
        ComfyNode? first = ends.Select(end => Upstream(end, seen).FirstOrDefault(IsSampler)).FirstOrDefault(node => node is not null)
            ?? _nodes.Values.FirstOrDefault(IsSampler);

        HashSet<string> passes = [];
        while (first is not null && passes.Count < MaxPasses && passes.Add(first.Id))
        {
            if (Follow(first, "latent_image") is not ComfyNode latent || Upstream(latent, []).FirstOrDefault(IsSampler) is not ComfyNode earlier)
                break;
            first = earlier;
        }

        if (_nodes.Values.Count(IsSampler) > 1)
            _warnings.Add("The graph of ComfyUI has several samplers; only the first pass was read.");
        return first;
    }

    /// <summary>The nodes that others depend on, nearest first, without duplicates.</summary>
    /// <param name="from">The first of them.</param>
    /// <param name="seen">The IDs of the nodes that are left out; those that are found are added.</param>
    private IEnumerable<ComfyNode> Upstream(ComfyNode from, HashSet<string> seen)
    {
        Queue<ComfyNode> queue = new(seen.Add(from.Id) ? [from] : []);
        while (queue.TryDequeue(out ComfyNode? node))
        {
            _cancellationToken.ThrowIfCancellationRequested();
            yield return node;
            foreach (string source in node.Sources)
            {
                if (_nodes.TryGetValue(source, out ComfyNode? next) && seen.Add(source))
                    queue.Enqueue(next);
            }
        }
    }

    private ComfyNode? Follow(ComfyNode node, string input) =>
        node.Link(input) is (string id, _) && _nodes.TryGetValue(id, out ComfyNode? next) ? next : null;

    /// <summary>Follows the links of one name from node to node.</summary>
    private ComfyNode? FollowWhile(ComfyNode node, string input, Func<ComfyNode, bool> goOn)
    {
        HashSet<string> seen = [];
        ComfyNode? next = Follow(node, input);
        while (next is not null && goOn(next) && seen.Add(next.Id))
            next = Follow(next, input);

        return next is not null && goOn(next) ? null : next;
    }

    /// <summary>The value of an input, or of the node that it is linked to.</summary>
    private string? Value(ComfyNode node, string input)
    {
        HashSet<string> seen = [];
        ComfyNode? current = node;
        string? name = input;
        while (current is not null && name is not null && seen.Count < LongestChain && seen.Add(current.Id))
        {
            if (current.Value(name) is string value)
                return value;

            current = Follow(current, name);
            name = current is null ? null : current.Has(input) ? input : s_valueNames.FirstOrDefault(current.Has);
        }

        return null;
    }

    private void Keep(string name, string? value)
    {
        if (value is not null)
            _settings[name] = value;
    }

    private string? SamplerName(ComfyNode sampler) => Value(sampler, "sampler_name")
        ?? (Follow(sampler, "sampler") is ComfyNode node ? Value(node, "sampler_name") ?? s_samplerNodes.GetValueOrDefault(node.Type, node.Type) : null);

    /// <summary>Follows a conditioning to the node that encodes the text; the nodes between are ignored, with a warning.</summary>
    private string? ReadPrompt(ComfyNode from, string input, string side)
    {
        HashSet<string> seen = [];
        ComfyNode? node = from;
        while (node is not null && seen.Add($"{node.Id}:{input}"))
        {
            _cancellationToken.ThrowIfCancellationRequested();
            (string Id, int Output)? link = node.Link(input);
            node = Follow(node, input);
            if (node is null)
                break;

            string? text = Value(node, "text") ?? Value(node, "text_g") ?? Value(node, "clip_l");
            if (text is not null)
            {
                if (Value(node, "text_l") is string other && other != text)
                    _warnings.Add("The two text encoders had different prompts; only the prompt of the larger one was read.");
                return text;
            }

            if (node.Type == "ConditioningZeroOut")
                return "";

            // A node that changes both conditionings has its outputs in the order of its inputs.
            bool hasBoth = node.Has("positive") && node.Has("negative");
            input = hasBoth ? (link?.Output == 1 ? "negative" : "positive") : s_conditioningNames.FirstOrDefault(node.Has) ?? "";
            _leftOut.Add(node.Type);
        }

        _warnings.Add($"The {side} prompt could not be found in the graph of ComfyUI.");
        return null;
    }

    /// <summary>Follows the latent to its size, or to the image that it was made from.</summary>
    private bool ReadLatent(ComfyNode sampler)
    {
        if (Follow(sampler, "latent_image") is not ComfyNode latent)
            return false;

        foreach (ComfyNode node in Upstream(latent, []))
        {
            if (node.Type.StartsWith("VAEEncode", StringComparison.Ordinal))
                return true;
            if (Value(node, "width") is string width && Value(node, "height") is string height)
            {
                Keep("width", width);
                Keep("height", height);
                Keep("batch_size", Value(node, "batch_size"));
                return false;
            }

            _leftOut.Add(node.Type);
        }

        return false;
    }

    /// <summary>Follows the model to the file that it was loaded from, and the text encoder to its clip skip.</summary>
    private int? ReadModel(ComfyNode sampler, ComfyNode guider, ComfyNode sigmas)
    {
        ComfyNode start = guider.Has("model") ? guider : sampler.Has("model") ? sampler : sigmas;
        ComfyNode? loader = FollowWhile(start, "model", node =>
        {
            bool isLoader = node.Has("ckpt_name") || node.Has("unet_name");
            if (!isLoader)
                _leftOut.Add(node.Type);
            return !isLoader && node.Has("model");
        });
        if (loader is not null)
        {
            Keep("ckpt_name", Value(loader, "ckpt_name"));
            Keep("unet_name", Value(loader, "unet_name"));
        }

        // Counted from the end as -1, -2 and so on.
        string input = guider.Has("positive") ? "positive" : "conditioning";
        ComfyNode? cut = Follow(guider, input) is ComfyNode conditioning ? Upstream(conditioning, []).FirstOrDefault(node => node.Has("stop_at_clip_layer")) : null;
        return cut is not null && int.TryParse(Value(cut, "stop_at_clip_layer"), NumberStyles.Integer, CultureInfo.InvariantCulture, out int layer) && layer is < -1 and > -100
            ? -layer
            : null;
    }

    private void WarnOfParts(ComfyNode sampler)
    {
        bool isPart = sampler.Value("add_noise") is "disable" or "false"
            || (sampler.Value("start_at_step") is string start && start != "0")
            || (int.TryParse(sampler.Value("end_at_step"), NumberStyles.Integer, CultureInfo.InvariantCulture, out int end)
                && int.TryParse(sampler.Value("steps"), NumberStyles.Integer, CultureInfo.InvariantCulture, out int steps) && end < steps);
        if (isPart)
            _warnings.Add("The sampler of ComfyUI ran only a part of its steps, or started without noise; that was ignored.");
    }
}
