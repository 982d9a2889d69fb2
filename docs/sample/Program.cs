using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;

// Makes four images of a prompt, and writes each one as soon as it is made: dotnet run --project docs/sample src/demo-model "a red house"
using ModelLease model = ModelLibrary.Default.Open(args[0]);
TextToImage job = new(new TextToImageRequest
{
    Options = new DenoiseOptions { Prompt = args[1], Seed = 0 },
    Count = 4,
});
foreach (DiffusionImage image in job.Run(new DiffusionPipeline(model.Model)))
    ImageFile.Write(image, $"image-{image.Seed}.png");
