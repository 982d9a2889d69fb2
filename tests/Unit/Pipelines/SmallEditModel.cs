using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Makes a model of eight channels, which edits pictures by instructions, of the reference's tiny inpainting model of nine, by taking the mask's away.</summary>
internal static class SmallEditModel
{
    private const string FirstConvolution = "model.diffusion_model.input_blocks.0.0.weight";

    public static void Write(string target)
    {
        using SafetensorsFile file = SafetensorsFile.Open(FamilyReference.Find("sd1-inpaint", "sd1-inpaint-tiny.safetensors"));
        Dictionary<string, Tensor> tensors = file.Tensors.Keys.ToDictionary(key => key, file.Read);
        Tensor nine = tensors[FirstConvolution];
        (int filters, int channels, int area) = (nine.Shape[0], nine.Shape[1], nine.Shape[2] * nine.Shape[3]);
        Tensor eight = new(filters, channels - 1, nine.Shape[2], nine.Shape[3]);
        for (int filter = 0; filter < filters; filter++)
            nine.Span.Slice(filter * channels * area, (channels - 1) * area).CopyTo(eight.Span[(filter * (channels - 1) * area)..]);
        tensors[FirstConvolution] = eight;
        SafetensorsWriter.Write(target, tensors);
    }
}
