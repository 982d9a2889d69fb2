using StableDiffusion.Adapters;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Library;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Replaying;

/// <summary>Base of the tests of compositions of stages.</summary>
public abstract class CompositionCase : StoreCase
{
    private const string Layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k";

    /// <summary>Writes the models, adapters and images that compositions use.</summary>
    /// <returns>The images.</returns>
    protected string[] WriteStore()
    {
        Repository.CopyDemoModel(Folder["models", "other"]);
        string unet = Path.Combine(Folder["models", "other"], "unet", "diffusion_pytorch_model.safetensors");
        int[] shape = [];
        SafetensorsWriter.Change(unet, tensors =>
        {
            foreach (ref float value in tensors["conv_out.weight"].Span)
                value *= 0.97f;
            shape = [.. tensors[Layer + ".weight"].Shape];
        });

        WriteLora("style", shape);
        UntrainedControlNet.WriteDemo(Folder["controlnets", "net"]);
        Directory.CreateDirectory(Folder["upscalers"]);
        File.Copy(Repository.Data("upscalers", "compact-2x.safetensors"), Folder["upscalers", "compact.safetensors"]);

        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        string[] files = [Folder["first.png"], Folder["second.png"], Folder["third.png"]];
        for (int i = 0; i < files.Length; i++)
        {
            TextToImage job = new(new TextToImageRequest { Options = new DenoiseOptions { Prompt = "a red car on the sand", Seed = i, Steps = 4, Width = 64, Height = i < 2 ? 64 : 48 } });
            ImageFile.Write(job.Make(pipeline, 0, cancellationToken: Token), files[i]);
        }

        return files;
    }

    /// <summary>Writes the same models and adapters, as far as they have to do with U-Nets, with thin ones.</summary>
    protected void WriteThinStore()
    {
        ThinModel.Write(Repository.DemoModel, Folder["models", "thin-demo"]);
        ThinModel.Write(Folder["models", "other"], Folder["models", "thin-other"]);
        ThinModel.WriteControlNet(Folder["models", "thin-demo"], Folder["controlnets", "thin-net"]);
        using SafetensorsFile unet = SafetensorsFile.Open(Path.Combine(Folder["models", "thin-demo"], "unet", "diffusion_pytorch_model.safetensors"));
        WriteLora("thin-style", unet.Read(Layer + ".weight").Shape);
    }

    private void WriteLora(string name, IReadOnlyList<int> shape)
    {
        string layer = "lora_unet_" + Layer.Replace('.', '_');
        Directory.CreateDirectory(Folder["loras"]);
        SafetensorsWriter.Write(Folder["loras", $"{name}.safetensors"], new Dictionary<string, Tensor>
        {
            [layer + ".lora_down.weight"] = Filled(4, shape[1]),
            [layer + ".lora_up.weight"] = Filled(shape[0], 4),
        });

        static Tensor Filled(int rows, int columns)
        {
            Random random = new(rows);
            Tensor tensor = new(rows, columns);
            foreach (ref float value in tensor.Span)
                value = random.NextSingle() - 0.5f;
            return tensor;
        }
    }

    protected object? Use(string? model, AdapterSet adapters, Func<DiffusionPipeline, object?> run)
    {
        using ModelLease lease = Library.Open(model, Device.Cpu, adapters);
        return run(new DiffusionPipeline(lease.Model));
    }
}
