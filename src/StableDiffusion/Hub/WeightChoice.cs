namespace StableDiffusion.Hub;

/// <summary>Chooses among the forms of the same weights in a folder of a repository.</summary>
internal static class WeightChoice
{
    private const string HalfPrecision = "fp16";

    /// <summary>
    /// Chooses the weights of a folder: safetensors before pickles; the requested variant before full precision, half precision and
    /// any other; and one file before shards.
    /// </summary>
    /// <param name="folder">All files of the folder.</param>
    /// <param name="variant">The requested variant; empty for full precision.</param>
    /// <returns>The files, including the index of shards; empty if the folder has no readable weights.</returns>
    public static IReadOnlyList<HubFile> Choose(IEnumerable<HubFile> folder, string variant)
    {
        var forms = folder
            .Select(file => (File: file, Name: WeightFileName.Parse(FileName(file))))
            .Where(static file => file.Name is not null)
            .GroupBy(static file => (file.Name!.Format, file.Name.Variant), static file => (file.File, Name: file.Name!))
            .OrderBy(static form => form.Key.Format != WeightFileName.Safetensors)
            .ThenBy(form => Rank(form.Key.Variant, variant))
            .ThenBy(static form => form.Key.Variant, StringComparer.Ordinal);
        return forms.Select(static form => Whole([.. form])).FirstOrDefault(static files => files.Count > 0) ?? [];
    }

    /// <summary>The variants of the weights in a repository, except for full precision.</summary>
    public static IEnumerable<string> Variants(IEnumerable<HubFile> files) => files
        .Select(static file => WeightFileName.Parse(FileName(file))?.Variant)
        .OfType<string>()
        .Where(static variant => variant.Length > 0)
        .Distinct(StringComparer.Ordinal)
        .Order(StringComparer.Ordinal);

    private static int Rank(string variant, string wanted) => variant switch
    {
        _ when variant == wanted => 0,
        "" => 1,
        HalfPrecision => 2,
        _ => 3,
    };

    private static IReadOnlyList<HubFile> Whole(IReadOnlyList<(HubFile File, WeightFileName Name)> form)
    {
        HubFile? single = form.FirstOrDefault(static file => file.Name is { IsIndex: false, ShardCount: 0 }).File;
        if (single is not null)
            return [single];

        // A set without one of its shards or its index cannot be read.
        bool isWhole = form.Any(static file => file.Name.IsIndex)
            && form.Where(static file => file.Name.ShardCount > 0).GroupBy(static file => file.Name.ShardCount).Any(static shards => shards.Count() == shards.Key);
        return isWhole ? [.. form.Select(static file => file.File)] : [];
    }

    private static string FileName(HubFile file) => file.Path[(file.Path.LastIndexOf('/') + 1)..];
}
