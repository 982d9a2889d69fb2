using System.Text.Json.Nodes;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Makes models that run sooner, for tests in which a picture need not look like anything.</summary>
internal static class ThinModel
{
    // The demo model's U-Net has 96 and 192 channels.
    private const int Channels = 96, Part = 3;

    /// <summary>Writes a model whose U-Net has a third of the channels: all widths that belong to them are cut, and the weights made larger in turn.</summary>
    /// <param name="model">The folder of the demo model or of one like it.</param>
    /// <param name="folder">The folder of the new one.</param>
    public static void Write(string model, string folder)
    {
        Repository.Copy(model, folder);
        string config = Path.Combine(folder, "unet", "config.json");
        JsonNode unet = JsonNode.Parse(File.ReadAllText(config))!;
        unet["block_out_channels"] = new JsonArray(Channels / Part, 2 * Channels / Part);
        File.WriteAllText(config, unet.ToJsonString());
        SafetensorsWriter.Change(Weights(folder), static tensors =>
        {
            foreach (string name in tensors.Keys.ToArray())
                tensors[name] = Cut(tensors[name]);
        });
    }

    /// <summary>Writes a ControlNet of a model that <see cref="Write"/> wrote.</summary>
    public static void WriteControlNet(string model, string folder)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Weights(model));
        UntrainedControlNet.Write(file.Tensors.Keys, file.Read, JsonNode.Parse(File.ReadAllText(Path.Combine(model, "unet", "config.json")))!.AsObject(), folder);
    }

    private static string Weights(string model) => Path.Combine(model, "unet", "diffusion_pytorch_model.safetensors");

    private static Tensor Cut(Tensor tensor)
    {
        int[] shape = [.. tensor.Shape.Select(Cut)];
        Tensor cut = new(shape);
        // The sums over the inputs keep their size.
        float scale = shape.Length > 1 && shape[1] != tensor.Shape[1] ? MathF.Sqrt(Part) : 1;
        for (int i = 0; i < cut.Length; i++)
        {
            int rest = i, from = 0, stride = 1;
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                from += rest % shape[axis] * stride;
                rest /= shape[axis];
                stride *= tensor.Shape[axis];
            }

            cut.Values[i] = tensor.Values[from] * scale;
        }

        return cut;
    }

    private static int Cut(int width) => width % Channels == 0 ? width / Part : width;
}
