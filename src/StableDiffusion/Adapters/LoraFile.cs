using StableDiffusion.Families;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>
/// A LoRA file, open: Kohya's, PEFT's or diffusers', of the forms LoRA (Hu et al., arXiv 2106.09685), LoCon, LoHa and LoKr
/// (LyCORIS), with DoRA or without, and of whole differences.
/// </summary>
internal sealed class LoraFile : IDisposable
{
    private LoraFile(ITensorFile file, IReadOnlyList<LoraLayer> layers, IReadOnlyList<string> unknown)
    {
        File = file;
        Layers = layers;
        UnknownTensors = unknown;
    }

    /// <summary>The open file.</summary>
    public ITensorFile File { get; }

    /// <summary>What it says of each layer, in the order of the names.</summary>
    public IReadOnlyList<LoraLayer> Layers { get; }

    /// <summary>The tensors whose names say nothing that is known.</summary>
    public IReadOnlyList<string> UnknownTensors { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The LoRA.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    /// <exception cref="AdapterInvalidException">The file is damaged, or no LoRA.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static LoraFile Open(string path)
    {
        ITensorFile file = AdapterFiles.Open(path, "LoRA");
        try
        {
            Dictionary<string, Dictionary<LoraRole, StoredTensor>> groups = new(StringComparer.Ordinal);
            Dictionary<string, LoraKey> keys = new(StringComparer.Ordinal);
            List<string> unknown = [];
            foreach ((string name, StoredTensor tensor) in file.Tensors.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                if (LoraKey.Parse(name) is not { } key)
                {
                    unknown.Add(name);
                    continue;
                }

                keys.TryAdd(key.Module, key);
                if (!groups.TryGetValue(key.Module, out Dictionary<LoraRole, StoredTensor>? group))
                    groups.Add(key.Module, group = []);
                group[key.Role] = tensor;
            }

            return groups.Count > 0
                ? new LoraFile(file, [.. groups.Select(group => new LoraLayer(keys[group.Key], group.Value))], unknown)
                : throw new AdapterInvalidException($"'{path}' is no LoRA: none of its {file.Tensors.Count} tensors has a name as LoRAs have. An embedding goes to TextualInversion, a whole model to Model.");
        }
        catch (AdapterInvalidException error) when (!error.Message.Contains(path, StringComparison.Ordinal))
        {
            file.Dispose();
            throw new AdapterInvalidException($"The LoRA '{path}' is damaged: {error.Message} Get the file again.", error);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What kind of model the LoRA seems to be made for; null if nothing shows.</summary>
    public string? GuessFamily()
    {
        // The width of the text that the U-Net looks at differs between the families.
        LoraLayer? key = Layers.FirstOrDefault(layer => layer.Change is not null && layer.Key.Path.EndsWith("attn2_to_k", StringComparison.Ordinal));
        if (key is not null && ModelFamily.All.FirstOrDefault(family => family.TextWidth == key.Change!.InnerCount) is { } family)
            return family.Title;
        if (HasPath("double_blocks") || HasPath("single_transformer_blocks"))
            return "FLUX";
        if (HasPath("joint_blocks") || HasPath("lora_transformer"))
            return "Stable Diffusion 3";
        return File.Metadata.GetValueOrDefault("ss_base_model_version");

        bool HasPath(string words) => Layers.Any(layer => layer.Key.Module.Contains(words, StringComparison.Ordinal));
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => File.Dispose();
}
