using StableDiffusion.Tensors;

namespace StableDiffusion.Weights;

/// <summary>
/// Detects weights that are to be multiplied by scales beside them, as those of 8 bits that ComfyUI, vLLM and others write. Without
/// the scales they make noise.
/// </summary>
internal static class WeightScales
{
    /// <summary>Parts of the names of tensors that only files with such weights have.</summary>
    public static readonly string[] Marks = [WholeFile, ".scale_weight", ".weight_scale", ".comfy_quant"];

    private const string WholeFile = "scaled_fp8";
    private const string Weight = ".weight";

    private static readonly string[] s_endings = [".weight_scale", ".weight_scale_inv", ".scale_weight", ".comfy_quant"];

    /// <summary>Finds a scale in a file that is to have none.</summary>
    /// <param name="file">The file.</param>
    /// <returns>The name of the scale; null if there is none.</returns>
    public static string? Find(ITensorFile file) => file.Tensors.Keys.FirstOrDefault(static name => Array.Exists(Marks, mark => name.Contains(mark, StringComparison.Ordinal)));

    /// <summary>Refuses a weight that has a scale.</summary>
    /// <param name="name">The weight's name.</param>
    /// <param name="source">The path of the file.</param>
    /// <param name="contains">Whether there is a tensor of a name.</param>
    /// <exception cref="ModelInvalidException">There is a scale for it.</exception>
    public static void Refuse(string name, string source, Func<string, bool> contains)
    {
        if (!name.EndsWith(Weight, StringComparison.Ordinal))
            return;
        string? scale = contains(WholeFile) ? WholeFile : s_endings.Select(ending => name[..^Weight.Length] + ending).FirstOrDefault(contains);
        if (scale is not null)
            throw new ModelInvalidException($"The weights in '{source}' have scales of their own ('{scale}' for '{name}'), which this version does not apply. Get the model with weights of 8, 16 or 32 bits that have none.");
    }
}
