using System.Globalization;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.CrossAttention;

/// <summary>The cross-attention of a denoising: how much each pixel looked at each token of the prompt, by step and layer.</summary>
public sealed class KeptAttention
{
    private const int ShownWords = 200;

    private readonly IReadOnlyList<AttentionPlane> _planes;

    internal KeptAttention(IReadOnlyList<AttentionPlane> planes)
    {
        _planes = planes;
        Steps = [.. planes.Select(static plane => plane.Step).Distinct()];
        Layers = [.. planes.Select(static plane => plane.Layer).Distinct()];
        Words = [.. planes.Select(static plane => plane.Text).Distinct().SelectMany(static text => text.Words).Select(static word => word.Word).Distinct()];
        HasHeads = planes[0].HasHeads;
    }

    /// <summary>The steps, from 1.</summary>
    public IReadOnlyList<int> Steps { get; }

    /// <summary>The names of the layers, in the order of the network.</summary>
    public IReadOnlyList<string> Layers { get; }

    /// <summary>The words of the prompt.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>Whether each head of the layers was kept, and not only their mean.</summary>
    public bool HasHeads { get; }

    /// <summary>What was kept of each layer in each step.</summary>
    internal IReadOnlyList<AttentionPlane> Planes => _planes;

    /// <summary>Makes maps of the attention.</summary>
    /// <param name="query">What is asked for.</param>
    /// <param name="imageWidth">The width of the image in pixels.</param>
    /// <param name="imageHeight">The height of the image in pixels.</param>
    /// <returns>The maps: by word, then by step, layer and head, as far as those are asked for one by one.</returns>
    /// <exception cref="InvalidSettingException">The prompt does not have a word, or a step, layer or head was not kept.</exception>
    public IReadOnlyList<AttentionMap> Find(AttentionQuery query, int imageWidth, int imageHeight)
    {
        ArgumentNullException.ThrowIfNull(query);
        AttentionPlane[] planes = [.. Choose(query)];
        IEnumerable<(string Word, Func<AttentionText, int[]> Columns)> words = query.Tokens.Count == 0
            ? planes.SelectMany(static plane => plane.Text.Words.Select(word => (plane.Text, word.Word, Start: word.Columns[0]))).DistinctBy(static word => (word.Word, word.Start)).Select(static word => (word.Word, AtPlace(word.Word, word.Start)))
            : query.Tokens.Select(static token => (token, (Func<AttentionText, int[]>)(text => text.Find(token))));
        return [.. words.SelectMany(word => MapsOf(word.Word, word.Columns, query, planes, imageWidth, imageHeight))];

        static Func<AttentionText, int[]> AtPlace(string word, int start) => text => text.Words.FirstOrDefault(own => own.Word == word && own.Columns[0] == start).Columns ?? [];
    }

    private IEnumerable<AttentionPlane> Choose(AttentionQuery query)
    {
        AttentionUNet.Find(query.Layers, Layers, "Layer");
        if (query.Steps.Except(Steps).ToArray() is { Length: > 0 } missing)
            throw new InvalidSettingException("Step", string.Create(CultureInfo.InvariantCulture, $"The attention of a step was not kept: {string.Join(", ", missing)}. Kept were the steps {string.Join(", ", Steps)}."));
        if ((query.Heads.Count > 0 || query.ByHead) && !HasHeads)
            throw new InvalidSettingException("Head", "Only the mean of the heads was kept. Denoise again with AttentionHead.");
        AttentionPlane[] chosen = [.. _planes.Where(plane => (query.Steps.Count == 0 || query.Steps.Contains(plane.Step)) && (query.Layers.Count == 0 || query.Layers.Any(layer => AttentionUNet.IsOf(layer, plane.Layer))))];
        int most = chosen.Max(static plane => plane.Heads);
        return query.Heads.All(head => head >= 0 && head < most)
            ? chosen
            : throw new InvalidSettingException("Head", string.Create(CultureInfo.InvariantCulture, $"The layers have the heads 0 to {most - 1}, and not {string.Join(", ", query.Heads)}."));
    }

    private IEnumerable<AttentionMap> MapsOf(string word, Func<AttentionText, int[]> find, AttentionQuery query, AttentionPlane[] planes, int imageWidth, int imageHeight)
    {
        Dictionary<AttentionText, int[]> columns = planes.Select(static plane => plane.Text).Distinct().ToDictionary(static text => text, find);
        if (columns.Values.All(static found => found.Length == 0))
            throw new InvalidSettingException("Token", $"The prompt does not have '{PrintableText.Of(word)}'. Its words are: {PrintableText.Of(string.Join(", ", Words.Take(ShownWords)))}.");

        IEnumerable<(AttentionPlane Plane, int Head)> parts = planes
            .Where(plane => columns[plane.Text].Length > 0)
            .SelectMany(plane => Enumerable.Range(0, plane.Heads).Where(head => query.Heads.Count == 0 || query.Heads.Contains(head)).Select(head => (plane, head)));
        return parts
            .GroupBy(part => (Step: query.ByStep ? part.Plane.Step : 0, Layer: query.ByLayer ? part.Plane.Layer : null, Head: query.ByHead ? part.Head : (int?)null))
            .Select(group => MapOf(word, columns, [.. group], query, imageWidth, imageHeight));
    }

    private static AttentionMap MapOf(string word, Dictionary<AttentionText, int[]> columns, (AttentionPlane Plane, int Head)[] parts, AttentionQuery query, int imageWidth, int imageHeight)
    {
        // Sums are resized, since the layers have few sizes.
        Dictionary<(int Height, int Width), float[]> sums = [];
        foreach ((AttentionPlane plane, int head) in parts)
        {
            if (!sums.TryGetValue((plane.Height, plane.Width), out float[]? sum))
                sums.Add((plane.Height, plane.Width), sum = new float[plane.Height * plane.Width]);
            int[] own = columns[plane.Text];
            foreach (int column in own)
                TensorPrimitives.MultiplyAdd(plane.Of(head, column), 1f / (own.Length * parts.Length), sum, sum);
        }

        (int height, int width) = sums.Keys.MaxBy(static size => (long)size.Height * size.Width);
        float[] values = new float[height * width];
        foreach (((int ownHeight, int ownWidth), float[] sum) in sums)
            TensorPrimitives.Add(values, LatentResize.Resize(new Tensor(sum, 1, 1, ownHeight, ownWidth), height, width, LatentResizeMode.Bilinear, antialias: false).Values, values);

        AttentionText text = parts[0].Plane.Text;
        return new AttentionMap(width, height, values)
        {
            Token = word,
            Positions = [.. columns[text].SelectMany(text.PositionsOf).Order()],
            Steps = [.. parts.Select(static part => part.Plane.Step).Distinct()],
            Layers = [.. parts.Select(static part => part.Plane.Layer).Distinct()],
            Head = query.ByHead || query.Heads.Count == 1 ? parts[0].Head : null,
            ImageWidth = imageWidth,
            ImageHeight = imageHeight,
        };
    }

    /// <summary>What was kept, as text.</summary>
    /// <returns>The numbers of steps and layers.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Steps.Count} {(Steps.Count == 1 ? "step" : "steps")}, {Layers.Count} {(Layers.Count == 1 ? "layer" : "layers")}");
}

/// <summary>Which maps of an attention are asked for. An empty list means all, whose mean a map is.</summary>
public sealed record AttentionQuery
{
    /// <summary>The words of the prompt, a map for each: one, or several that follow each other. Empty for a map of each word of the prompt.</summary>
    public IReadOnlyList<string> Tokens { get; init; } = [];

    /// <summary>The steps, from 1.</summary>
    public IReadOnlyList<int> Steps { get; init; } = [];

    /// <summary>The names of the layers, in which <c>*</c> and <c>?</c> stand for any letters.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>The heads, from 0.</summary>
    public IReadOnlyList<int> Heads { get; init; } = [];

    /// <summary>Whether each step has a map of its own.</summary>
    public bool ByStep { get; init; }

    /// <summary>Whether each layer has a map of its own.</summary>
    public bool ByLayer { get; init; }

    /// <summary>Whether each head has a map of its own.</summary>
    public bool ByHead { get; init; }
}
