using StableDiffusion.Adapters;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>Records the adapters of an image.</summary>
internal static class AdapterRecord
{
    /// <summary>Adds the LoRAs that the model is opened with to the options of a prompt.</summary>
    public static PromptOptions? Complete(PromptOptions? options, AdapterSet adapters) => adapters.IsEmpty
        ? options
        : (options ?? PromptOptions.Default) with
        {
            LoraNames = [.. adapters.Loras.Select(lora => lora.Name)],
            Loras = [.. adapters.Loras.Select(lora => lora.ToString())],
        };

    /// <summary>Adds the adapters to the settings of an image.</summary>
    public static GenerationInfo Add(GenerationInfo info, AdapterSet adapters, TextEmbedding embedding, TextEmbedding? negative) =>
        Add(info, adapters, embedding.Options.TextualInversions.Concat(negative?.Options.TextualInversions ?? []));

    /// <summary>Adds the adapters to the settings of an image.</summary>
    public static GenerationInfo Add(GenerationInfo info, AdapterSet adapters, IEnumerable<TextualInversion> given)
    {
        TextualInversion[] words = [.. given.DistinctBy(word => (word.Name, word.Hash))];
        return info with
        {
            Lora = adapters.Text,
            LoraHashes = adapters.Hashes,
            TextualInversion = TextList.Write([.. words.Select(word => word.Reference)]),
            TextualInversionHashes = words.Length == 0 ? null : string.Join(", ", words.Select(word => $"{word.Name}: {word.Hash}")),
        };
    }
}
