using StableDiffusion.Library;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Manifests;

/// <summary>The models and adapters that images were made with.</summary>
internal static class ManifestParts
{
    private const string ControlNet = "ControlNet";

    /// <summary>Collects them from the records of images.</summary>
    /// <param name="images">The images.</param>
    /// <param name="library">The models and ControlNets, of which it is known where they came from.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>Each once, ordered by kind and name.</returns>
    public static ManifestPart[] Of(IEnumerable<ManifestImage> images, ModelLibrary library, CancellationToken cancellationToken) =>
    [
        .. images.SelectMany(static image => Of(image.Info)).Distinct()
            .OrderBy(static part => part.Kind, StringComparer.Ordinal).ThenBy(static part => part.Name, StringComparer.Ordinal).ThenBy(static part => part.Hash, StringComparer.Ordinal)
            .Select(part => WithSource(part, library, cancellationToken)),
    ];

    private static IEnumerable<ManifestPart> Of(GenerationInfo info)
    {
        if (info.Stages is not null)
            return info.Stages.WithInputs().SelectMany(Of);

        IEnumerable<ManifestPart> model = info.Model is null ? [] : [new ManifestPart(nameof(info.Model), info.Model, info.ModelHash)];
        return model
            .Concat(Listed(nameof(info.Lora), info.LoraHashes))
            .Concat(Listed(nameof(info.TextualInversion), info.TextualInversionHashes))
            .Concat((info.ControlNets ?? []).Select(static net => new ManifestPart(ControlNet, net.Name, net.Hash)));
    }

    private static IEnumerable<ManifestPart> Of(GenerationStage stage)
    {
        string[] nets = stage.Settings.GetValueOrDefault(ControlNet) as string[] ?? [];
        string[] hashes = stage.Settings.GetValueOrDefault("ControlHash") as string[] ?? [];
        IEnumerable<ManifestPart> model = stage.Text(nameof(GenerationInfo.Model)) is string name ? [new ManifestPart(nameof(GenerationInfo.Model), name, stage.Text(nameof(GenerationInfo.ModelHash)))] : [];
        return model
            .Concat(Listed(nameof(GenerationInfo.Lora), stage.Text(nameof(GenerationInfo.LoraHashes))))
            .Concat(Listed(nameof(GenerationInfo.TextualInversion), stage.Text(nameof(GenerationInfo.TextualInversionHashes))))
            .Concat(nets.Select((net, i) => new ManifestPart(ControlNet, net, hashes.ElementAtOrDefault(i) is { Length: > 0 } hash ? hash : null)));
    }

    // As A1111 lists them: 'name: hash, name: hash'.
    private static IEnumerable<ManifestPart> Listed(string kind, string? hashes) => (hashes ?? string.Empty)
        .Split(", ", StringSplitOptions.RemoveEmptyEntries)
        .Select(static entry => (Text: entry, End: entry.LastIndexOf(": ", StringComparison.Ordinal)))
        .Where(static entry => entry.End > 0)
        .Select(entry => new ManifestPart(kind, entry.Text[..entry.End], entry.Text[(entry.End + 2)..]));

    private static ManifestPart WithSource(ManifestPart part, ModelLibrary library, CancellationToken cancellationToken)
    {
        try
        {
            if (part.Kind == nameof(GenerationInfo.Model) && library.Models.Contains(part.Name))
            {
                Running.ModelInfo model = library.Models.Find(part.Name, cancellationToken);
                if (model.Hash is not null && part.Hash is not null && model.Hash != part.Hash)
                    return part;
                return model.IsEmbedded ? part with { Source = ProductVersion.Text } : With(ModelManifest.Read(model.Path));
            }

            return part.Kind == ControlNet && library.ControlNets.Contains(part.Name) ? With(ModelManifest.Read(library.ControlNets.Locate(part.Name).Path)) : part;
        }
        catch (DiffusionException)
        {
            // Where a model came from is not known if it cannot be read any more.
            return part;
        }

        ManifestPart With(ModelManifest? manifest) => manifest is null ? part : part with { Source = manifest.Source.Id, Revision = manifest.Source.Revision };
    }
}
