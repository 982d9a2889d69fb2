using StableDiffusion.Weights;

namespace StableDiffusion.Networks.Graphs;

/// <summary>What the encoder's and the decoder's blocks have in common.</summary>
internal static class VaeBlocks
{
    /// <summary>What every normalization of the autoencoder adds to a variance.</summary>
    public const float Epsilon = 1e-6f;

    /// <summary>The residual blocks of one level.</summary>
    /// <param name="weights">The level's weights.</param>
    /// <param name="count">How many blocks.</param>
    /// <param name="inChannels">The channels that the first takes.</param>
    /// <param name="outChannels">The channels that all give.</param>
    /// <param name="groups">The groups of the normalizations.</param>
    /// <returns>The blocks in their order.</returns>
    public static ResnetBlock[] Resnets(WeightScope weights, int count, int inChannels, int outChannels, int groups)
    {
        ResnetBlock[] resnets = new ResnetBlock[count];
        for (int i = 0; i < count; i++)
            resnets[i] = new ResnetBlock(weights["resnets", i], i == 0 ? inChannels : outChannels, outChannels, groups, Epsilon);
        return resnets;
    }
}
