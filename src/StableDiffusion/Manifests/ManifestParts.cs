using StableDiffusion.Library;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Manifests;

/// <summary>The models and adapters that images were made with.</summary>
internal static class ManifestParts
{
    private const string ControlNet = "ControlNet";

    /// <summary>Collects them from the records of images.</summary>
    /// <param name="images">The images.</param>
    /// <param name="library">The models, ControlNets and VAEs, of which it is known where they came from.</param>
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

        return Named(nameof(info.Model), info.Model, info.ModelHash)
            .Concat(Listed(nameof(info.Lora), info.LoraHashes))
            .Concat(Listed(nameof(info.TextualInversion), info.TextualInversionHashes))
            .Concat(Named(nameof(info.Vae), info.Vae, info.VaeHash))
            .Concat((info.ControlNets ?? []).Select(static net => new ManifestPart(ControlNet, net.Name, net.Hash)));
    }

    private static IEnumerable<ManifestPart> Of(GenerationStage stage)
    {
        string[] nets = stage.Settings.GetValueOrDefault(ControlNet) as string[] ?? [];
        string[] hashes = stage.Settings.GetValueOrDefault("ControlHash") as string[] ?? [];
        return Named(nameof(GenerationInfo.Model), stage.Text(nameof(GenerationInfo.Model)), stage.Text(nameof(GenerationInfo.ModelHash)))
            .Concat(Listed(nameof(GenerationInfo.Lora), stage.Text(nameof(GenerationInfo.LoraHashes))))
            .Concat(Listed(nameof(GenerationInfo.TextualInversion), stage.Text(nameof(GenerationInfo.TextualInversionHashes))))
            .Concat(Named(nameof(GenerationInfo.Vae), stage.Text(nameof(GenerationInfo.Vae)), stage.Text(nameof(GenerationInfo.VaeHash))))
            .Concat(Named(nameof(Upscaler), stage.Text(ImageUpscaling.HashSetting) is null ? null : stage.Text(nameof(UpscaleOptions.Upscaler)), stage.Text(ImageUpscaling.HashSetting)))
            .Concat(nets.Select((net, i) => new ManifestPart(ControlNet, net, hashes.ElementAtOrDefault(i) is { Length: > 0 } hash ? hash : null)));
    }

    private static IEnumerable<ManifestPart> Named(string kind, string? name, string? hash) => name is null ? [] : [new ManifestPart(kind, name, hash)];

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

            NetworkStore? store = part.Kind switch
            {
                ControlNet => library.ControlNets,
                nameof(GenerationInfo.Vae) => library.Vaes,
                nameof(Upscaler) => library.Upscalers,
                _ => null,
            };
            return store?.Contains(part.Name) == true ? With(ModelManifest.Read(store.Locate(part.Name).Path)) : part;
        }
        catch (DiffusionException)
        {
            // Where a model came from is not known if it cannot be read any more.
            return part;
        }

        ManifestPart With(ModelManifest? manifest) => manifest is null ? part : part with { Source = manifest.Source.Id, Revision = manifest.Source.Revision };
    }
}
