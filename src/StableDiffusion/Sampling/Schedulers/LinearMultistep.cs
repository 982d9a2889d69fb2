namespace StableDiffusion.Sampling.Schedulers;

/// <summary>Adams and Bashforth's method on uneven steps: how much each past derivative counts in a step.</summary>
internal static class LinearMultistep
{
    /// <summary>The integral over the step of the Lagrange polynomial that is 1 at one of the last noise levels and 0 at the others.</summary>
    /// <param name="sigmas">The noise levels: where each step starts and, last, where the run ends.</param>
    /// <param name="order">How many derivatives the step looks at; 4 at most.</param>
    /// <param name="step">The step.</param>
    /// <param name="back">Which derivative: 0 for the newest.</param>
    public static double Coefficient(IReadOnlyList<float> sigmas, int order, int step, int back)
    {
        // Two nodes of Gauss and Legendre are exact up to the third degree, and so up to order 4.
        double middle = (sigmas[step] + (double)sigmas[step + 1]) / 2;
        double half = ((double)sigmas[step + 1] - sigmas[step]) / 2;
        double node = half / Math.Sqrt(3);
        return half * (Lagrange(middle - node) + Lagrange(middle + node));

        double Lagrange(double sigma)
        {
            double product = 1;
            for (int other = 0; other < order; other++)
            {
                if (other != back)
                    product *= (sigma - sigmas[step - other]) / ((double)sigmas[step - back] - sigmas[step - other]);
            }

            return product;
        }
    }
}
