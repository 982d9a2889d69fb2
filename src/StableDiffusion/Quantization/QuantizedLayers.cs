namespace StableDiffusion.Quantization;

/// <summary>Which layers of the U-Net are computed in 8-bit integers.</summary>
internal static class QuantizedLayers
{
    // The first and the last layer work on the latent itself. The timestep's layers work on one row, where integers save
    // nothing, and an error in one of their values shifts a whole channel.
    private static readonly string[] s_floatLayers = ["conv_in", "conv_out", "linear_1", "linear_2", "time_emb_proj"];

    /// <summary>Whether a layer is computed in 8-bit integers.</summary>
    /// <param name="path">Its path in the U-Net.</param>
    public static bool Contains(string path) => !s_floatLayers.Contains(path[(path.LastIndexOf('.') + 1)..]);
}
