using StableDiffusion.Families;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>
/// An open LoRA file of Kohya's scripts, LyCORIS, PEFT or diffusers, in the forms LoRA (Hu et al., arXiv 2106.09685), LoCon, LoHa,
/// LoKr and GLoRA, with or without DoRA, IA3, OFT and BOFT, and of whole differences; for the OFT of PEFT, with the config beside it.
/// </summary>
internal sealed class LoraFile : IDisposable
{
    private LoraFile(ITensorFile file, IReadOnlyList<LoraLayer> layers, IReadOnlyList<string> unknown)
    {
        File = file;
        Layers = layers;
        UnknownTensors = unknown;
    }

    public ITensorFile File { get; }

    /// <summary>The layers in the order of their names.</summary>
    public IReadOnlyList<LoraLayer> Layers { get; }

    /// <summary>The tensors with unknown names.</summary>
    public IReadOnlyList<string> UnknownTensors { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The LoRA.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    /// <exception cref="AdapterInvalidException">The file is damaged, or is not a LoRA.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static LoraFile Open(string path)
    {
        ITensorFile file = AdapterFiles.Open(path, "LoRA");
        Lazy<PeftRotation> form = new(() => PeftRotation.ReadBeside(path));
        try
        {
            Dictionary<string, Dictionary<LoraRole, StoredTensor>> groups = new(StringComparer.Ordinal);
            Dictionary<string, LoraKey> keys = new(StringComparer.Ordinal);
            Dictionary<(string? Part, string Path), string> layers = [];
            List<string> unknown = [];
            foreach ((string name, StoredTensor tensor) in file.Tensors.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                if (LoraKey.Parse(name, file.Tensors) is not { } key)
                {
                    unknown.Add(name);
                    continue;
                }

                if (tensor.ElementType >= StoredElementType.I64 && key.Role is not (LoraRole.Alpha or LoraRole.OnInput))
                    throw new AdapterInvalidException($"The tensor '{name}' is of the type {tensor.ElementType}, and the changes of weights are floats.");
                if (keys.TryAdd(key.Module, key) && !layers.TryAdd((key.Part, key.Path), name))
                    throw new AdapterInvalidException($"The tensors '{layers[(key.Part, key.Path)]}' and '{name}' change the same layer, under two names.");
                if (!groups.TryGetValue(key.Module, out Dictionary<LoraRole, StoredTensor>? group))
                    groups.Add(key.Module, group = []);
                if (!group.TryAdd(key.Role, tensor))
                    throw new AdapterInvalidException($"The tensors '{group[key.Role].Name}' and '{name}' are the same part of one change.");
            }

            return groups.Count > 0
                ? new LoraFile(file, [.. groups.Select(group => new LoraLayer(keys[group.Key], group.Value, file, form))], unknown)
                : throw new AdapterInvalidException(unknown.Exists(LoraKey.IsOldRotationOfPeft)
                    ? $"'{path}' is an adapter of OFT from an old version of PEFT, which is not supported. Train again with a newer PEFT, or use a file of Kohya's scripts or of LyCORIS."
                    : $"'{path}' is not a LoRA: none of its {file.Tensors.Count} tensors has a name that LoRAs use. Use the setting TextualInversion for an embedding, and Model for a whole model.");
        }
        catch (AdapterInvalidException error) when (!error.Message.Contains(path, StringComparison.Ordinal))
        {
            file.Dispose();
            throw new AdapterInvalidException($"The LoRA '{path}' is damaged: {Sentence.Of(error)} Get the file again.", error);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The family of models that the LoRA was probably made for; null if it cannot be told.</summary>
    public string? GuessFamily()
    {
        // The width of the text embedding in cross-attention differs between the families.
        LoraLayer? key = Layers.FirstOrDefault(layer => layer.Change is not null && layer.Key.Path.EndsWith("attn2_to_k", StringComparison.Ordinal));
        if (key is not null && ModelFamily.All.FirstOrDefault(family => family.TextWidth == key.Change!.InnerCount) is { } family)
            return family.Title;
        if (HasPath("double_blocks") || HasPath("single_transformer_blocks"))
            return "FLUX";
        if (HasPath("joint_blocks") || HasPath("lora_transformer"))
            return "Stable Diffusion 3";

        // Those of Kohya's scripts and of AI Toolkit. Anything else in the metadata is a stranger's text, which no message repeats.
        return File.Metadata.GetValueOrDefault("ss_base_model_version") switch
        {
            "sd_v1" or "sd_v1_v" or "sd_1.5" => Title<StableDiffusion1>(),
            "sd_v2" or "sd_v2_v" or "sd_2.1" => Title<StableDiffusion2>(),
            "sdxl_base_v1-0" or "sdxl_1.0" => Title<StableDiffusionXL>(),
            _ => null,
        };

        static string Title<TFamily>()
            where TFamily : ModelFamily => ModelFamily.All.OfType<TFamily>().First().Title;

        bool HasPath(string words) => Layers.Any(layer => layer.Key.Module.Contains(words, StringComparison.Ordinal));
    }

    public void Dispose() => File.Dispose();
}
