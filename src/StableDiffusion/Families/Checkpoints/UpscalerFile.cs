using System.Text.Json.Nodes;
using StableDiffusion.Families.Configs;
using StableDiffusion.Families.Keys;
using StableDiffusion.Networks;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>An upscaler of the ESRGAN family in a file.</summary>
internal static class UpscalerFile
{
    /// <summary>Whether a file holds such an upscaler.</summary>
    /// <param name="file">The file.</param>
    public static bool Recognise(ITensorFile file) => UpscalerKeys.Find(file.Tensors) is not null;

    /// <summary>Reads an upscaler.</summary>
    /// <param name="file">The file; it stays open as long as the weights are read.</param>
    /// <returns>The weights under BasicSR's names, and a config.</returns>
    /// <exception cref="ModelInvalidException">The file holds no such upscaler, or more layers than one has.</exception>
    public static CheckpointPart Read(ITensorFile file)
    {
        if (UpscalerKeys.Find(file.Tensors) is not (string wrapper, UpscalerLayout layout))
            throw new ModelInvalidException($"'{file.Path}' does not contain an upscaler of the ESRGAN family, such as RealESRGAN_x4plus. {TensorGroups.Describe(file.Tensors.Keys)} Other upscalers can be used as ONNX files.");

        WeightMap map = new(file, []);
        int doublings = UpscalerKeys.CountDoublings(file.Tensors, wrapper), count = 0;
        foreach (string key in file.Tensors.Keys.Where(key => key.StartsWith(wrapper, StringComparison.Ordinal)))
        {
            map.Add(UpscalerKeys.ToBasicSr(key[wrapper.Length..], layout, doublings) ?? throw Unknown(file, key), key);
            count++;
        }

        MappedWeights weights = map.ToWeights();
        JsonObject config = UpscalerConfigInference.Infer(weights, layout == UpscalerLayout.Compact, out int expected);

        // Without the layers that it leaves out, the image would be another one.
        return count <= expected
            ? new CheckpointPart(ModelParts.Upscaler, weights, config)
            : throw new ModelInvalidException($"'{file.Path}' has {count} weights of an upscaler that needs {expected}: layers between others are missing. Get the file again.");
    }

    private static ModelInvalidException Unknown(ITensorFile file, string key) =>
        new($"'{file.Path}' is an upscaler with a layer that this version does not know, '{key}'. Use it as an ONNX file, or use another one.");
}
