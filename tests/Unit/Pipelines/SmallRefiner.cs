using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Makes a refiner of the reference's tiny SDXL: without its first text encoder, and with a score in place of the target size.</summary>
internal static class SmallRefiner
{
    private const string FirstEncoder = "conditioner.embedders.0.";
    private const string SecondEncoder = "conditioner.embedders.1.";
    private const string PooledAndSizes = "model.diffusion_model.label_emb.0.0.weight";
    private const int FirstWidth = 64;
    private const int SizeWidth = 32;

    public static void Write(string target)
    {
        using SafetensorsFile file = SafetensorsFile.Open(FamilyReference.Find("sdxl", "sdxl-tiny.safetensors"));
        Dictionary<string, Tensor> tensors = [];
        foreach (string key in file.Tensors.Keys.Where(key => !key.StartsWith(FirstEncoder, StringComparison.Ordinal)))
        {
            Tensor tensor = file.Read(key);
            if (key == PooledAndSizes)
                tensor = Columns(tensor, 0, tensor.Shape[1] - SizeWidth);
            else if (key.EndsWith("attn2.to_k.weight", StringComparison.Ordinal) || key.EndsWith("attn2.to_v.weight", StringComparison.Ordinal))
                tensor = Columns(tensor, FirstWidth, tensor.Shape[1] - FirstWidth);
            tensors.Add(key.Replace(SecondEncoder, FirstEncoder, StringComparison.Ordinal), tensor);
        }

        SafetensorsWriter.Write(target, tensors);
    }

    private static Tensor Columns(Tensor tensor, int first, int count)
    {
        Tensor part = new(tensor.Shape[0], count);
        for (int row = 0; row < tensor.Shape[0]; row++)
            tensor.Span.Slice((row * tensor.Shape[1]) + first, count).CopyTo(part.Span[(row * count)..]);
        return part;
    }
}
