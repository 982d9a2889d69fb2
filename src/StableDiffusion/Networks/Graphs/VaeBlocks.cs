using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>The parts that the blocks of the encoder and the decoder share.</summary>
internal static class VaeBlocks
{
    /// <summary>The epsilon of all normalizations of the autoencoder.</summary>
    public const float Epsilon = 1e-6f;

    /// <summary>Creates the residual blocks of one level.</summary>
    /// <param name="weights">The weights of the level.</param>
    /// <param name="count">The number of blocks.</param>
    /// <param name="inChannels">The number of input channels of the first block.</param>
    /// <param name="outChannels">The number of output channels of all blocks.</param>
    /// <param name="groups">The number of groups of the normalizations.</param>
    /// <returns>The blocks in order.</returns>
    public static ResnetBlock[] Resnets(WeightScope weights, int count, int inChannels, int outChannels, int groups)
    {
        ResnetBlock[] resnets = new ResnetBlock[count];
        for (int i = 0; i < count; i++)
            resnets[i] = new ResnetBlock(weights["resnets", i], i == 0 ? inChannels : outChannels, outChannels, groups, Epsilon);
        return resnets;
    }
}
