using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Quantization;

/// <summary>Writes the U-Net of a model in 8-bit integers, after the model's other parts, which are needed to calibrate its ranges.</summary>
internal static class IntegerUNet
{
    /// <summary>Finds the ranges with the U-Net in floats, which is temporarily in the folder, and writes the U-Net.</summary>
    /// <param name="network">The U-Net.</param>
    /// <param name="folder">The model's folder, with all other parts in it.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="ModelInvalidException">The U-Net is of a kind that cannot be calibrated, or its weights are damaged.</exception>
    public static void Write(ModelNetwork network, string folder, ProgressClock? progress, CancellationToken cancellationToken)
    {
        UNetGraph unet = new(network.Weights, UNetConfig.From(network.ReadConfig()));
        string path = Path.Combine(folder, ModelParts.UNet, ModelParts.Graph);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);

        // The config gives the size of the images for the calibration.
        File.WriteAllBytes(Path.Combine(folder, ModelParts.UNet, ModelParts.Config), network.Config);
        CalibrationMatMul observed = new();
        unet.Build(new GraphPrecision { MatMul = observed }).Save(path, null, cancellationToken);
        IReadOnlyDictionary<string, ConvolutionRanges> ranges;
        using (DiffusionModel model = new(ModelReader.Read(folder, folder), Device.Cpu))
        using (OnnxSession session = OnnxSession.Open(path, Device.Cpu, reordersLayout: true, cancellationToken: cancellationToken))
            ranges = new Calibration(model, session, observed.Paths, network.Weights.Source).Run(Report, cancellationToken);

        File.Delete(path);
        File.Delete(path + GraphBuilder.ExternalDataSuffix);
        GraphPrecision precision = new() { MatMul = new IntegerMatMul(ranges) };
        new ModelGraph(network.Name, network.Config, unet.Build(precision))
        {
            Others = [.. Enumerable.Range(0, unet.Branches).Select(branch => (ModelParts.OuterGraph(branch), unet.BuildOuter(branch, precision)))],
        }.Save(folder, static _ => { }, cancellationToken);

        // No bytes are counted here.
        const int Parts = 1000;
        void Report(double fraction) => progress?.Report(BuildActivity.Calibrating, network.Name, (long)(fraction * Parts), Parts, countsBytes: false);
    }
}
